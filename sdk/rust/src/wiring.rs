//! The doors of a plugin.

/// An input, as declared in [`Plugin::new`](crate::Plugin::new). Compare it with [`Event::input`](crate::Event::input)
/// in a plugin that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Input(pub(crate) u32);

/// A sink, as declared in [`Plugin::new`](crate::Plugin::new): where outputs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sink(pub(crate) u32);

/// Where a plugin declares its inputs and sinks. Their names are the plugin's own; the configuration may give each
/// other topics than the ones named here.
///
/// ```
/// # use wasmill_plugin::{Context, Event, Input, NoSettings, Outcome, Plugin, Sink, Wiring};
/// # struct Enrich { orders: Input, out: Sink }
/// # impl Plugin for Enrich {
/// # type Settings = NoSettings;
/// fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
///     wiring.input_from("customers", "crm.customers");
///     Ok(Enrich { orders: wiring.input("orders"), out: wiring.sink("orders-enriched") })
/// }
///
/// fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
///     if event.input() == self.orders {
///         ctx.forward(self.out);
///     }
///     Ok(())
/// }
/// # }
/// # use wasmill_plugin::testing::Harness;
/// # let mut harness = Harness::<Enrich>::new(serde_json::json!({})).unwrap();
/// # assert_eq!(harness.event("orders").send().outputs.len(), 1);
/// # assert_eq!(harness.event("customers").send().outputs.len(), 0);
/// ```
#[derive(Debug, Default)]
pub struct Wiring {
    pub(crate) inputs: Vec<Port>,
    pub(crate) sinks: Vec<Port>,
}

/// A named door and the topic behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) topic: String,
}

impl Wiring {
    /// Declares an input that reads the topic of the same name.
    pub fn input(&mut self, name: &str) -> Input {
        self.input_from(name, name)
    }

    /// Declares an input and the topic that it reads.
    pub fn input_from(&mut self, name: &str, topic: &str) -> Input {
        Input(declare(&mut self.inputs, name, topic))
    }

    /// Declares a sink that writes to the topic of the same name.
    pub fn sink(&mut self, name: &str) -> Sink {
        self.sink_to(name, name)
    }

    /// Declares a sink and the topic that it writes to.
    pub fn sink_to(&mut self, name: &str, topic: &str) -> Sink {
        Sink(declare(&mut self.sinks, name, topic))
    }

    /// Refuses names that are declared twice: the configuration could not tell them apart.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (what, ports) in [("input", &self.inputs), ("sink", &self.sinks)] {
            for (index, port) in ports.iter().enumerate() {
                if ports[..index].iter().any(|earlier| earlier.name == port.name) {
                    return Err(format!(
                        "the plugin declares the {what} `{}` twice: keep its handle instead",
                        port.name
                    ));
                }
            }
        }
        Ok(())
    }
}

fn declare(ports: &mut Vec<Port>, name: &str, topic: &str) -> u32 {
    ports.push(Port { name: name.into(), topic: topic.into() });
    (ports.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_has_the_topic_of_its_name_unless_another_is_given() {
        let mut wiring = Wiring::default();
        let (first, second) = (wiring.sink("alerts"), wiring.sink_to("audit", "shop.audit"));
        assert_eq!((first, second), (Sink(0), Sink(1)));
        assert_eq!(wiring.sinks[0].topic, "alerts");
        assert_eq!(wiring.sinks[1], Port { name: "audit".into(), topic: "shop.audit".into() });
    }

    #[test]
    fn a_name_can_be_declared_once() {
        let mut wiring = Wiring::default();
        wiring.input("orders");
        wiring.sink("orders");
        assert_eq!(wiring.check(), Ok(()));
        wiring.input_from("orders", "others");
        assert!(wiring.check().unwrap_err().contains("the input `orders` twice"));
    }
}
