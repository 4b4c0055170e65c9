package problem

import (
	"errors"
	"fmt"
	"testing"
)

func TestAllJoinsWhatIsThere(t *testing.T) {
	if err := All(nil, nil); err != nil {
		t.Errorf("All of nothing = %v, want nil", err)
	}
	name := Invalid("name", "Name can't be blank")
	p, ok := From(fmt.Errorf("creating: %w", All(nil, name, Invalid("value", "is too long"))))
	if !ok || p.Status != 422 || p.Pointer != "/data/attributes/name" || len(p.More) != 1 {
		t.Errorf("All = %+v, want the name first and one more", p)
	}
	if name.More != nil {
		t.Error("All changed its argument")
	}
}

func TestEqualProblemsAreTheSameError(t *testing.T) {
	if !errors.Is(fmt.Errorf("x: %w", &Problem{Status: 404, Title: "not found"}), NotFound) {
		t.Error("a copy of NotFound is not NotFound")
	}
	if errors.Is(Conflict("a"), Conflict("b")) || errors.Is(errors.New("x"), NotFound) {
		t.Error("different problems are equal")
	}
}
