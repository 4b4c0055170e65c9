package proto

// KindTest is the kind of jobs that run the tests of a module. Their input is Archive.
const KindTest = "test-run"

// Test is the Spec of KindTest. Of its Phase, RunID is the test run's; there is no
// workspace, no project and no state.
type Test struct {
	Phase
	Directory   string   `json:"directory"`         // with test files, beside the module's own
	Filters     []string `json:"filters,omitempty"` // paths of the test files that are run; none is all
	Verbose     bool     `json:"verbose,omitempty"`
	Parallelism int      `json:"parallelism,omitempty"` // 0 is the engine's
}

// TestResult is the Data of a test run. Without a Status the engine did not get as far as
// its tests.
type TestResult struct {
	EngineVersion string `json:"engine_version"`
	Status        string `json:"status"` // pass, fail, error, skip, pending
	Passed        int    `json:"passed"`
	Failed        int    `json:"failed"`
	Errored       int    `json:"errored"`
	Skipped       int    `json:"skipped"`
}
