package alerts

import "context"

// Deliver does the job of a delivery now.
func (f *Feature) Deliver(ctx context.Context, id string) error {
	return f.deliver(ctx, sending{id})
}

// ParseHeaders is parseHeaders.
var ParseHeaders = parseHeaders
