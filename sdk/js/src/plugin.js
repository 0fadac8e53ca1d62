// A plugin, as the host calls it.

import { Answer } from "./answer.js";
import { Context } from "./context.js";
import { failureOf, messageOf, stackOf } from "./failure.js";
import * as host from "./host.js";
import { Event, Run, Timer } from "./run.js";
import { Shape, shape } from "./shape.js";
import { begin, commit, end, takeBack } from "./store.js";
import { Wiring } from "./wiring.js";

/** One call: the task, the event at hand, and what was done so far. */
class Call {
  constructor(task, run, timestamps, hasStores) {
    this.task = task;
    this.run = run;
    this.answer = new Answer(timestamps);
    this.source = 0;
    this.streamTime = task.streamTime;
    this.hasStores = hasStores;
    /** The earliest timer on event time that was set in this call. */
    this.earliest = Infinity;
  }
}

/** Makes the module's exports of a plugin: see `index.d.ts`. */
export function plugin(definition) {
  const { about = {}, settings = {}, settingsSchema, setup } = definition;
  if (typeof setup !== "function") throw new TypeError("a plugin has a function `setup(settings, wiring)`");
  const form = settings instanceof Shape ? settings : shape(settings);
  let instance;

  const lifecycle = {
    describe() {
      host.begin();
      const { name = "plugin", version = "0.0.0", description = "" } = { ...globalThis.__wasmillPackage, ...about };
      const schema = settingsSchema === undefined || typeof settingsSchema === "string" ? settingsSchema : JSON.stringify(settingsSchema);
      return { name, version, description, settingsSchema: schema };
    },

    configure(text) {
      host.begin();
      try {
        const wiring = new Wiring();
        const handlers = setup(form._settings(text), wiring);
        if (typeof handlers?.process !== "function") throw new TypeError("`setup` returns an object with a function `process(event, ctx)`");
        instance = new Instance(handlers, wiring);
        return wiring._check();
      } catch (error) {
        if (typeof error === "string") throw error;
        host.log("error", stackOf(error) ?? messageOf(error));
        throw error instanceof TypeError || !(error instanceof Error) ? messageOf(error) : error.message;
      }
    },
  };

  const batchProcessor = {
    processBatch(batch) {
      host.begin();
      return instance.events(new Run(batch, instance.inputs[batch.input]));
    },

    processTimers(task, due) {
      host.begin();
      return instance.timers(task, due.map((timer) => new Timer(timer)));
    },
  };

  return { lifecycle, batchProcessor };
}

/** A configured plugin. */
class Instance {
  constructor(handlers, wiring) {
    this.handlers = handlers;
    this.inputs = wiring._inputs.map(({ handle }) => handle);
    this.stores = wiring._stores;
  }

  events(run) {
    const { task, keyLengths, valueLengths, timestamps } = run;
    const { handlers, stores } = this;
    const call = new Call(task, run, timestamps, stores.length > 0);
    const { answer } = call;
    const timers = answer.timers.sources;
    const context = new Context(call);
    begin(stores, call);
    let at = 0;
    for (let index = 0; index < keyLengths.length; index++) {
      const keyStart = at;
      if (keyLengths[index] > 0) at += keyLengths[index];
      const event = new Event(run, index, keyStart, at);
      if (valueLengths[index] > 0) at += valueLengths[index];
      const timestamp = timestamps[index];
      if (timestamp > call.streamTime && timestamp <= task.latest) call.streamTime = timestamp;
      const timersBefore = timers.length;
      call.source = index;
      answer.done = index + 1;
      try {
        if (handlers.process(event, context) instanceof Promise) throw async();
        if (call.hasStores) commit(stores);
      } catch (error) {
        if (!this.fail(call, error)) break;
      }
      if (timers.length > timersBefore) call.earliest = Math.min(call.earliest, answer.earliest(timersBefore));
      // A timer that this call has set comes before the next event if it is due.
      if (call.earliest <= call.streamTime) break;
    }
    end(stores, answer);
    return answer.effects();
  }

  timers(task, due) {
    const { handlers, stores } = this;
    const call = new Call(task, undefined, due.map(({ at }) => at), stores.length > 0);
    const { answer } = call;
    const context = new Context(call);
    begin(stores, call);
    for (let index = 0; index < due.length; index++) {
      const timersBefore = answer.timers.sources.length;
      call.source = index;
      answer.done = index + 1;
      try {
        if (handlers.onTimer?.(due[index], context) instanceof Promise) throw async();
        commit(stores);
      } catch (error) {
        if (!this.fail(call, error)) break;
      }
      if (answer.disturbs(timersBefore, due.slice(index + 1), task.now, call.streamTime)) break;
    }
    end(stores, answer);
    return answer.effects();
  }

  /** Drops the effects of the event or timer at hand. Whether the call goes on after it. */
  fail(call, error) {
    call.answer.takeBack(call.source);
    takeBack(this.stores);
    const failure = failureOf(error);
    call.answer.fail(call.source, failure);
    return failure.tag === "reject";
  }
}

const async = () => new TypeError("a handler cannot be async: there is nothing that it could wait for");
