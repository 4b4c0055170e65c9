package orgs

import (
	"context"

	"plumbline.dev/plumbline/internal/kernel/db"
)

// globally is the condition on organizations that share their private modules with all.
// Site settings are JSON that this package alone writes.
const globally = `site_settings LIKE '%"global-module-sharing":true%'`

// ModuleProducers returns the ids of the organizations that let one of the consumers use
// their private modules.
func (f *Feature) ModuleProducers(ctx context.Context, consumers []string) ([]string, error) {
	if len(consumers) == 0 {
		return nil, nil
	}
	return db.In[string](ctx, f.DB, `SELECT id FROM organizations WHERE `+globally+` UNION SELECT producer_id FROM module_sharing WHERE consumer_id IN (?)`, consumers)
}

// SharesModules reports whether an organization lets one of the consumers use its
// private modules.
func (f *Feature) SharesModules(ctx context.Context, producer string, consumers []string) (bool, error) {
	found, err := db.In[string](ctx, f.DB, `SELECT id FROM organizations WHERE id = ? AND (`+globally+` OR id IN (SELECT producer_id FROM module_sharing WHERE producer_id = ? AND consumer_id IN (?)))`,
		consumers, producer, producer)
	return len(found) > 0, err
}
