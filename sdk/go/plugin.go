package wasmill

// Plugin is what an author writes.
type Plugin interface {
	// Configure reads the settings (see [Wiring.Settings]) and declares inputs, sinks and stores: the same ones each time
	// for the same settings. It is called once in each instance, before any event. An error is for the person who wrote the
	// settings; the plugin is then not started.
	Configure(w *Wiring) error

	// Process handles one event. See [Reject], [Retry] and [Stop] for what it may answer; any other error is a reject with
	// the code "error". The outputs, state writes and timers of an event that fails are dropped.
	Process(e *Event, ctx *Context) error
}

// TimerHandler is what a plugin that sets timers has as well.
type TimerHandler interface {
	// OnTimer handles a timer that is due; it is gone then, unless it is set anew. Outputs have the timer's key and time
	// unless others are given.
	OnTimer(t *Timer, ctx *Context) error
}

// About is what a module says of itself.
type About struct {
	Name        string
	Version     string
	Description string
	// SettingsSchema is a JSON Schema of the settings, for tools; it may be left out.
	SettingsSchema string
}

var (
	exported  Plugin
	described About
)

// Export makes a plugin the module's. It is called once, in an init function: main is never run.
func Export(about About, plugin Plugin) {
	if exported != nil {
		panic("wasmill.Export is called twice: a module has one plugin")
	}
	exported, described = plugin, about
}
