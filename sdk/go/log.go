package wasmill

import (
	"context"
	"log/slog"
)

// The host's levels.
const (
	levelTrace uint8 = iota
	levelDebug
	levelInfo
	levelWarn
	levelError
)

func init() { slog.SetDefault(slog.New(logHandler{})) }

// lowestLevel is what the host said in this call: asking costs as much as a short event.
var lowestLevel struct {
	asked, kept bool
	level       uint8
}

// forgetLevel: a new call; the host's level may have changed.
func forgetLevel() { lowestLevel.asked = false }

func hostLevel(level slog.Level) uint8 {
	switch {
	case level < slog.LevelDebug:
		return levelTrace
	case level < slog.LevelInfo:
		return levelDebug
	case level < slog.LevelWarn:
		return levelInfo
	case level < slog.LevelError:
		return levelWarn
	default:
		return levelError
	}
}

// logHandler writes to the host's log. It is what log/slog and log write to in a plugin.
type logHandler struct {
	fields [][2]string
	prefix string
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	if !lowestLevel.asked {
		lowestLevel.level, lowestLevel.kept = theHost.logEnabled()
		lowestLevel.asked = true
	}
	return lowestLevel.kept && hostLevel(level) >= lowestLevel.level
}

func (h logHandler) Handle(_ context.Context, record slog.Record) error {
	fields := append([][2]string(nil), h.fields...)
	record.Attrs(func(attr slog.Attr) bool {
		fields = appendField(fields, h.prefix, attr)
		return true
	})
	theHost.log(hostLevel(record.Level), record.Message, fields)
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := append([][2]string(nil), h.fields...)
	for _, attr := range attrs {
		fields = appendField(fields, h.prefix, attr)
	}
	return logHandler{fields, h.prefix}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return logHandler{h.fields, h.prefix + name + "."}
}

func appendField(fields [][2]string, prefix string, attr slog.Attr) [][2]string {
	value := attr.Value.Resolve()
	if value.Kind() != slog.KindGroup {
		if attr.Key == "" && value.Any() == nil {
			return fields
		}
		return append(fields, [2]string{prefix + attr.Key, value.String()})
	}
	if attr.Key != "" {
		prefix += attr.Key + "."
	}
	for _, inner := range value.Group() {
		fields = appendField(fields, prefix, inner)
	}
	return fields
}
