package apptest

import (
	"fmt"
	"strings"
)

// AddKey adds the signer's public key to the organization.
func (s *Server) AddKey(o Org, g Signer) {
	s.tb.Helper()
	s.made("POST", "/api/registry/private/v2/gpg-keys", o.Owner.Token, "gpg-keys", map[string]any{"namespace": o.Name, "ascii-armor": g.Armor})
}

// PublishProvider publishes a version of a private provider, which it makes if it is the
// first, with archives by platform ("linux_amd64"). The signer's key must be there.
func (s *Server) PublishProvider(o Org, g Signer, name, version string, archives map[string][]byte) {
	s.tb.Helper()
	base := "/api/v2/organizations/" + o.Name + "/registry-providers"
	one := base + "/private/" + o.Name + "/" + name
	if r := s.Do("GET", one, o.Owner.Token, nil); r.Status == 404 {
		s.made("POST", base, o.Owner.Token, "registry-providers", map[string]any{"name": name, "namespace": o.Name, "registry-name": "private"})
	}
	files := map[string][]byte{}
	for platform, archive := range archives {
		files[ArchiveName(name, version, platform)] = archive
	}
	sums := Shasums(files)
	links := s.made("POST", one+"/versions", o.Owner.Token, "registry-provider-versions", map[string]any{"version": version, "key-id": g.KeyID, "protocols": []string{"5.0"}})
	s.upload(links["shasums-upload"], sums)
	s.upload(links["shasums-sig-upload"], g.Sign(sums))
	for platform, archive := range archives {
		os, arch, _ := strings.Cut(platform, "_")
		links := s.made("POST", one+"/versions/"+version+"/platforms", o.Owner.Token, "registry-provider-platforms",
			map[string]any{"os": os, "arch": arch, "shasum": SHA256(archive), "filename": ArchiveName(name, version, platform)})
		s.upload(links["provider-binary-upload"], archive)
	}
}

// ArchiveName is how the archive of a provider for a platform ("linux_amd64") is called.
func ArchiveName(name, version, platform string) string {
	return "terraform-provider-" + name + "_" + version + "_" + platform + ".zip"
}

// made makes a resource and returns its links.
func (s *Server) made(method, path, token, typ string, attributes map[string]any) map[string]any {
	s.tb.Helper()
	r := s.Do(method, path, token, map[string]any{"data": map[string]any{"type": typ, "attributes": attributes}})
	data, ok := r.JSON()["data"].(map[string]any)
	if r.Status != 201 || !ok {
		s.tb.Fatalf("%s %s = %d %s, want 201", method, path, r.Status, r.Body)
	}
	links, _ := data["links"].(map[string]any)
	return links
}

func (s *Server) upload(address any, content []byte) {
	s.tb.Helper()
	if r := s.Do("PUT", fmt.Sprint(address), "", content); r.Status != 200 {
		s.tb.Fatalf("PUT %v = %d %s, want 200", address, r.Status, r.Body)
	}
}
