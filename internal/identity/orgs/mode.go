package orgs

import (
	"context"
	"errors"

	"plumbline.dev/plumbline/internal/kernel/jsonapi"
	"plumbline.dev/plumbline/internal/kernel/problem"
)

// applyMode sets the default execution mode. A mode other than agent leaves the pool
// behind. The pool is a relationship in go-tfe and an attribute in organizations.md.
func (o *Org) applyMode(in jsonapi.In[request]) {
	a := in.Data.Attributes
	if mode := a.DefaultExecutionMode; mode.Set && !mode.Null {
		if o.DefaultExecutionMode = mode.V; mode.V != "agent" {
			o.DefaultAgentPoolID = nil
		}
	}
	o.DefaultAgentPoolID = emptyIsNil(a.DefaultAgentPoolID, o.DefaultAgentPoolID)
	if pool, named := in.Data.One("default-agent-pool"); named {
		o.DefaultAgentPoolID = nil
		if pool.ID != "" {
			o.DefaultAgentPoolID = &pool.ID
		}
	}
}

func (o *Org) badMode() *problem.Problem {
	pool := o.DefaultAgentPoolID
	switch mode := o.DefaultExecutionMode; {
	case mode != "remote" && mode != "local" && mode != "agent":
		return problem.Invalid("default-execution-mode", "Default execution mode is not included in the list")
	case mode != "agent" && pool != nil:
		return badPool("must not be specified unless using 'agent' execution mode")
	case mode == "agent" && pool == nil:
		return badPool("must be specified when using 'agent' execution mode")
	}
	return nil
}

func badPool(what string) *problem.Problem {
	return problem.Invalid("default-agent-pool-id", "Default agent pool %s", what)
}

// checkPool refuses a default agent pool that is new and that not every workspace may
// use. A pool whose scope shrinks later stays.
func (f *Feature) checkPool(ctx context.Context, o Org, was *string) error {
	pool := o.DefaultAgentPoolID
	if pool == nil || (was != nil && *was == *pool) {
		return nil
	}
	usable, err := f.AgentPool(ctx, *pool, o.Scope())
	switch {
	case errors.Is(err, problem.NotFound):
		return badPool("could not be found")
	case err == nil && !usable:
		return badPool("must be scoped to the organization")
	}
	return err
}
