package classify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// scalars and values are what attributes can be.
func scalar() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Map(rapid.StringMatching(`[a-c./{}"\[\]]{0,4}`), func(s string) any { return s }),
		rapid.Map(rapid.IntRange(-2, 3), func(n int) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil))
}

func valueOf(depth int) *rapid.Generator[any] {
	if depth == 0 {
		return scalar()
	}
	inner := valueOf(depth - 1)
	return rapid.OneOf(scalar(),
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(l []any) any { return append([]any{}, l...) }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c d", "tags"}), inner, 0, 3), func(m map[string]any) any { return m }))
}

func object() *rapid.Generator[map[string]any] {
	return rapid.MapOfN(rapid.SampledFrom([]string{"v", "w", "ids", "policy", "block"}), valueOf(3), 0, 4)
}

func classified(t *rapid.T, p parts, o Options) Result {
	b, err := json.Marshal(json.RawMessage(p.json(&testing.T{})))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Plan(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheOrderOfASetSaysNothing whatever the elements are and wherever the set is.
func TestTheOrderOfASetSaysNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		elements := rapid.SliceOfN(valueOf(2), 1, 6).Draw(t, "elements")
		permuted := rapid.Permutation(slices.Clone(elements)).Draw(t, "permuted")
		before, after := doc{"block": list(doc{"set": elements})}, doc{"block": list(doc{"set": permuted})}
		p := parts{drift: list(entry("aws_x.a", "update", before, after)), changes: list(entry("aws_x.a", "update", after, before))}
		if r := classified(t, p, Options{SetAttributes: map[string][]string{"aws_x": {"block.set"}}}); len(r.Findings) != 0 {
			t.Errorf("findings: %v", r.Findings)
		}
	})
}

// TestWhatIsTheSameIsNoFinding and what is undone completely is drift, attribute by attribute.
func TestWhatIsTheSameIsNoFinding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recorded, real := object().Draw(t, "recorded"), object().Draw(t, "real")
		if r := classified(t, parts{drift: list(entry("aws_x.a", "update", recorded, recorded)), changes: list(entry("aws_x.a", "update", real, real))}, Options{}); len(r.Findings) != 0 {
			t.Errorf("findings where nothing differs: %v", r.Findings)
		}
		r := classified(t, parts{drift: list(entry("aws_x.a", "update", recorded, real)), changes: list(entry("aws_x.a", "update", real, recorded))}, Options{})
		for _, f := range r.Findings {
			if f.Kind != Drift && !f.Format {
				t.Errorf("%s, want drift", f)
			}
		}
		if same := (form{typ: "aws_x"}).same(nil, any(wire(recorded)), any(wire(real))); same != !slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Format }) {
			t.Errorf("same = %v and findings %v", same, r.Findings)
		}
	})
}

// wire is a value as it comes out of a plan.
func wire(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

// TestKindsDoNotOverlap: without a change of the object nothing is drift that somebody undoes,
// without drift all is pending.
func TestKindsDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := object().Draw(t, "a"), object().Draw(t, "b")
		for _, f := range classified(t, parts{drift: list(entry("aws_x.a", "update", a, b))}, Options{}).Findings {
			if f.Kind != StateOnly {
				t.Errorf("without a change: %s", f)
			}
		}
		for _, f := range classified(t, parts{changes: list(entry("aws_x.a", "update", a, b))}, Options{}).Findings {
			if f.Kind != Pending && !f.Format {
				t.Errorf("without drift: %s", f)
			}
		}
	})
}

// TestASecretStaysInside wherever it is, whichever side masks it.
func TestASecretStaysInside(t *testing.T) {
	const secret = "s3cret-value"
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"map", "list"}), 0, 4).Draw(t, "steps")
		noise := rapid.SliceOfN(valueOf(1), 0, 2).Draw(t, "noise")
		wrap := func(v, mask any) (any, any) {
			for _, step := range steps {
				if step == "map" {
					v, mask = doc{"k": v, "n": noise}, doc{"k": mask}
				} else {
					v, mask = append(list(v), noise...), list(mask)
				}
			}
			return doc{"v": v}, doc{"v": mask}
		}
		recorded, mask := wrap(secret+"1", true)
		real, _ := wrap(secret+"2", true)
		masks := doc{rapid.SampledFrom([]string{"before_sensitive", "after_sensitive"}).Draw(t, "side"): mask}
		p := parts{drift: list(entry("aws_x.a", "update", recorded, real, masks))}
		if rapid.Bool().Draw(t, "undone") {
			p.changes = list(entry("aws_x.a", "update", real, recorded))
		}
		for _, f := range classified(t, p, Options{}).Findings {
			b, err := json.Marshal([]any{f, f.Object, f.Block, fmt.Sprint(f)})
			if err != nil || strings.Contains(string(b), secret) {
				t.Errorf("%s holds the secret: %s, %v", f, b, err)
			}
		}
	})
}

// TestFingerprints are stable while the same drift stands and new for everything else.
func TestFingerprints(t *testing.T) {
	key := []byte("key")
	f := Finding{Address: "aws_x.a", Type: "aws_x", Path: "v", Kind: Drift, Real: doc{"a": json.Number("1"), "b": list("x")}, Recorded: "1"}
	same := f
	same.Recorded, same.Wanted, same.Actions, same.Real = "2", "3", []string{"update"}, doc{"b": list("x"), "a": json.Number("1.0")}
	if Fingerprint(key, "c", "f", f) != Fingerprint(key, "c", "f", same) {
		t.Error("another recorded value makes another fingerprint")
	}
	seen := map[string]string{Fingerprint(key, "c", "f", f): "itself"}
	for name, other := range map[string]func() string{
		"key":     func() string { return Fingerprint([]byte("other"), "c", "f", f) },
		"folder":  func() string { return Fingerprint(key, "c", "g", f) },
		"config":  func() string { return Fingerprint(key, "d", "f", f) },
		"border":  func() string { return Fingerprint(key, "cf", "", f) },
		"real":    func() string { g := f; g.Real = "y"; return Fingerprint(key, "c", "f", g) },
		"path":    func() string { g := f; g.Path = "w"; return Fingerprint(key, "c", "f", g) },
		"kind":    func() string { g := f; g.Kind = DriftConfig; return Fingerprint(key, "c", "f", g) },
		"address": func() string { g := f; g.Address = "aws_x.b"; return Fingerprint(key, "c", "f", g) },
	} {
		print := other()
		if was, twice := seen[print]; twice || len(print) != 32 {
			t.Errorf("the fingerprint with another %s is %s, that of %s", name, print, was)
		}
		seen[print] = name
	}
	feeds := f
	feeds.Kind = Feeds
	changed := feeds
	changed.Real = "later"
	if Fingerprint(key, "c", "f", feeds) != Fingerprint(key, "c", "f", changed) {
		t.Error("a computed value that feeds others makes another fingerprint at every scan")
	}
	noise := Finding{Address: "aws_x.n", Kind: StateOnly}
	if FingerprintAll(key, "c", "f", []Finding{f, feeds, noise}) != FingerprintAll(key, "c", "f", []Finding{feeds, f}) {
		t.Error("order or noise change the fingerprint of all")
	}
	if got := FingerprintAll(key, "c", "f", []Finding{noise}); got != "" {
		t.Errorf("fingerprint of nothing = %q", got)
	}
}

// FuzzPlan: whatever is called a plan is classified or refused, and never with a value in the
// open that both masks cover.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"format_version":"1.0"}`))
	f.Add(parts{drift: list(entry("aws_x.a", "update", doc{"v": list(doc{"a": 1})}, doc{"v": list(doc{"a": 2}, doc{"a": 1})}, doc{"before_sensitive": true})),
		changes:  list(entry("aws_x.a", "delete,create", doc{"v": "1"}, doc{"v": nil}, doc{"after_unknown": doc{"v": true}, "after_sensitive": doc{"v": list(true)}})),
		relevant: list(doc{"resource": "aws_x.a", "attribute": list("v", 0, "a")}), checks: list(doc{"status": "unknown"}),
		configuration: doc{"root_module": doc{"module_calls": doc{"m": doc{"module": doc{"resources": list(doc{"address": "aws_x.a", "mode": "managed", "expressions": doc{"v": list(doc{"a": doc{}})}})}}}}}}.json(f))
	f.Add([]byte(`{"format_version":"1.0","resource_drift":[{"mode":"managed","address":"a[","change":{"before":[[[[]]]],"after":{"":{"":[]}},"after_unknown":[true],"after_sensitive":[{"":true}]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Plan(bytes.NewReader(b), Options{Schemas: bytes.NewReader(b), MaxBytes: 1 << 20})
		if err != nil {
			r, err = Plan(bytes.NewReader(b), Options{MaxBytes: 1 << 20})
		}
		if err != nil {
			return
		}
		if r.Drifted > r.Resources || r.Undrifted < 0 {
			t.Errorf("%d of %d drifted", r.Drifted, r.Resources)
		}
		for _, f := range r.Findings {
			if j, err := json.Marshal(f); err != nil {
				t.Errorf("%s: %v in %s", f, err, j)
			}
			_ = Fingerprint([]byte("k"), "c", "f", f)
		}
		_ = r.Refresh(bytes.NewReader(b)) // an error or none, but no panic
	})
}

// BenchmarkPlan is the plan of 500 resources of which 50 drifted.
func BenchmarkPlan(b *testing.B) {
	p := parts{managed: 500}
	attributes := doc{}
	for i := range 30 {
		attributes[fmt.Sprint("attribute_", i)] = strings.Repeat("x", 20)
	}
	for i := range 500 {
		address := fmt.Sprintf("aws_x.a%d", i)
		changed := maps.Clone(attributes)
		changed["v"] = "2"
		if i%10 > 0 {
			p.changes = append(p.changes, entry(address, "no-op", attributes, attributes))
			continue
		}
		p.drift = append(p.drift, entry(address, "update", attributes, changed))
		p.changes = append(p.changes, entry(address, "update", changed, attributes))
	}
	text := p.json(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if r, err := Plan(bytes.NewReader(text), Options{}); err != nil || r.Drifted != 50 {
			b.Fatal(r.Drifted, err)
		}
	}
}
