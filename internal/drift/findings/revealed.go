package findings

import (
	"bytes"
	"context"
	"encoding/json"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// Values are what a finding is about, as JSON has them, numbers as json.Number; nil is none.
// Of one that is masked there are none.
type Values struct {
	Recorded, Real, Wanted any
	Unknown                bool // Wanted is known only after an apply
}

// Open returns the findings of an episode that are open, with their values, the worst first.
func (f *Feature) Open(ctx context.Context, e Episode) ([]Finding, error) {
	list, err := db.All[Finding](ctx, f.DB, selectFindings+` WHERE f.episode_id = ? AND f.status = 'open' ORDER BY `+findingOrders[""], e.ID)
	if err != nil {
		return nil, err
	}
	return list, f.reveal(ctx, list)
}

// Values returns the values of a finding that was read with them.
func (f Finding) Values() (v Values, err error) {
	v.Unknown = f.values.Unknown
	for raw, into := range map[*json.RawMessage]*any{&f.values.Recorded: &v.Recorded, &f.values.Real: &v.Real, &f.values.Wanted: &v.Wanted} {
		if len(*raw) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(*raw))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			return v, err
		}
	}
	return v, nil
}
