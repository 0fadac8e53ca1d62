package wasmill

import (
	"errors"
	"fmt"
)

type failureKind uint8

const (
	reject failureKind = iota
	retry
	stop
)

// Failure is why an event was not processed. It is an error: wrap it, or look for it with errors.As.
type Failure struct {
	kind failureKind
	// Code is short and stable, for metrics and headers of dead letters: unknown-currency.
	Code string
	// Message is for a person.
	Message string
	// Detail helps to find the cause: a stack, or the part of the event that is wrong.
	Detail string
}

// Error is the code and the message.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Reject says that an event can never be processed: the plugin's failure policy applies, by default the dead-letter topic.
func Reject(code, format string, arguments ...any) *Failure {
	return &Failure{kind: reject, Code: code, Message: message(format, arguments)}
}

// Retry says that an event may be processed later: the host commits what is done, waits and offers it again.
func Retry(code, format string, arguments ...any) *Failure {
	return &Failure{kind: retry, Code: code, Message: message(format, arguments)}
}

// Stop says that the plugin cannot go on, whatever the event: it is stopped at this one, and nothing is dead-lettered.
func Stop(code, format string, arguments ...any) *Failure {
	return &Failure{kind: stop, Code: code, Message: message(format, arguments)}
}

func message(format string, arguments []any) string {
	if len(arguments) == 0 {
		return format
	}
	return fmt.Sprintf(format, arguments...)
}

// failureOf is what an error of the author's means.
func failureOf(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) && failure != nil {
		return failure
	}
	return &Failure{kind: reject, Code: "error", Message: err.Error()}
}

// failureOfPanic is what becomes of an event whose handler panicked.
func failureOfPanic(value any, stack string) *Failure {
	if failure, ok := value.(*Failure); ok {
		return failure
	}
	return &Failure{kind: reject, Code: "panic", Message: fmt.Sprint(value), Detail: stack}
}
