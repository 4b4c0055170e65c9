package recipe_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/executor/proto"
	"plumbline.dev/plumbline/internal/executor/recipe"
)

func TestEnginesCollectLessOftenWhereThereIsMemory(t *testing.T) {
	const config = "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"echo GOGC=$GOGC GOMEMLIMIT=$GOMEMLIMIT.\"\n  }\n}\n"
	for name, c := range map[string]struct {
		memory int64
		env    []proto.Env
		says   string
	}{
		"plenty":        {8 << 30, nil, "GOGC=400 GOMEMLIMIT=2048MiB."},
		"little":        {1 << 30, nil, "GOGC= GOMEMLIMIT=."},
		"not known":     {0, nil, "GOGC= GOMEMLIMIT=."},
		"of the person": {8 << 30, []proto.Env{{Name: "GOGC", Value: "50"}}, "GOGC=50 GOMEMLIMIT=2048MiB."},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.machine.Memory = c.memory
			p.start()
			plan, archive := p.planned("run-1", map[string]string{"main.tf": config})
			apply := p.end(t, p.apply("run-1", plan, archive, func(a *proto.Apply) { a.Env = c.env }))
			if !strings.Contains(string(apply.log), c.says) {
				t.Errorf("the log has no %q:\n%s", c.says, apply.log)
			}
		})
	}
}

func TestMemoryOfThisMachine(t *testing.T) {
	if got := recipe.MemoryOf(); got < 256<<20 || got > 1<<46 {
		t.Errorf("MemoryOf = %d bytes", got)
	}
}
