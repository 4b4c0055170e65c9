//go:build !unix

package worker

import "errors"

// lock refuses: nothing is run on such a system, as no sandbox works there.
func lock(string) (func() error, error) { return nil, errors.ErrUnsupported }
