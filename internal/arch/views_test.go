package arch

import (
	"reflect"
	"testing"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

// TestNoSecretIsInAView: a crypt.Secret prints as [redacted], so that one in an
// answer would leak nothing, but its place there is a mistake all the same.
func TestNoSecretIsInAView(t *testing.T) {
	s := apptest.Start(t)
	views := s.App.Router.Attributes()
	if len(views) < 5 {
		t.Fatalf("only %d types of resources are registered", len(views))
	}
	for name, typ := range views {
		if path := findSecret(typ, map[reflect.Type]bool{}); path != "" {
			t.Errorf("the view of %s has a secret at %s", name, path)
		}
	}
}

// findSecret returns where in typ a crypt.Secret is, "" if nowhere.
func findSecret(typ reflect.Type, seen map[reflect.Type]bool) string {
	if typ == nil || seen[typ] {
		return ""
	}
	seen[typ] = true
	if typ == reflect.TypeFor[crypt.Secret]() {
		return typ.String()
	}
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findSecret(typ.Elem(), seen)
	case reflect.Struct:
		for field := range typ.Fields() {
			if path := findSecret(field.Type, seen); path != "" {
				return typ.String() + "." + field.Name + " → " + path
			}
		}
	}
	return ""
}

func TestFindSecretFindsOne(t *testing.T) {
	type inner struct{ Keys []map[string]*crypt.Secret }
	if findSecret(reflect.TypeFor[struct{ A *inner }](), map[reflect.Type]bool{}) == "" {
		t.Error("a secret inside a pointer, a slice and a map was not found")
	}
}
