package components_test

import (
	"fmt"
	"strings"
	"testing"

	tfe "github.com/hashicorp/go-tfe"

	"plumbline.dev/plumbline/internal/apptest"
)

func TestTagBindings(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		f := setUp(s)
		id := strings.TrimPrefix(f.component("network"), "/api/v2/registry-components/")
		c := s.Client(f.org.Owner.Token)
		update := func(bindings ...*tfe.TagBinding) []*tfe.TagBinding {
			if _, err := c.RegistryComponents.Update(s.T.Context(), id, &tfe.RegistryComponentUpdateOptions{TagBindings: bindings}); err != nil {
				s.T.Fatal(err)
			}
			list, err := c.RegistryComponents.ListTagBindings(s.T.Context(), id)
			if err != nil {
				s.T.Fatal(err)
			}
			return list
		}
		if list := update(&tfe.TagBinding{Key: "env", Value: "production"}, &tfe.TagBinding{Key: "cost"}); len(list) != 2 || list[0].Key != "cost" || list[1].Value != "production" {
			s.T.Errorf("bindings = %+v, want both in the order of their keys", list)
		}
		if list := update(&tfe.TagBinding{Key: "env", Value: "test"}); len(list) != 1 || list[0].Value != "test" {
			s.T.Errorf("bindings = %+v, want the one of the last request", list)
		}
		if list := update(); len(list) != 0 {
			s.T.Errorf("bindings = %+v, want none", list)
		}
		path := "/api/v2/registry-components/" + id
		member := s.Member(f.org, "mia")
		if r := s.Do("PATCH", path, member.Token, `{"data":{"type":"registry-components"}}`); r.Status != 404 {
			s.T.Errorf("PATCH as a member = %d, want 404", r.Status)
		}
		var many []string
		for i := range 11 {
			many = append(many, fmt.Sprintf(`{"type":"tag-bindings","attributes":{"key":"k%d"}}`, i))
		}
		r := s.Do("PATCH", path, f.org.Owner.Token, `{"data":{"type":"registry-components","relationships":{"tag-bindings":{"data":[`+strings.Join(many, ",")+`]}}}}`)
		if r.Status != 422 || !strings.Contains(string(r.Body), "at most 10 tag bindings") {
			s.T.Errorf("PATCH with eleven = %d %s, want 422", r.Status, r.Body)
		}
	})
}
