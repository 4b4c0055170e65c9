package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"plumbline.dev/plumbline/internal/apptest/cli"
)

// story is a folder of a person: an output, and an apply that takes its time.
const story = `
resource "terraform_data" "tale" {
  input = "once upon a time"
  provisioner "local-exec" {
    command = "for i in 1 2 3 4; do echo chapter $i; sleep 1; done"
  }
}
output "tale" { value = terraform_data.tale.output }
`

// TestFromSetupLinkToFinishedApply: a person opens the link that the server printed, makes
// an account and an organization, and pastes what the page says into a shell; from then on
// the real command line works, and the page follows. Nothing is prepared by the test.
func TestFromSetupLinkToFinishedApply(t *testing.T) {
	h := serve(t)
	h.Go(regexp.MustCompile(`/app/setup/[A-Za-z0-9]+`).FindString(string(h.Log())))
	h.account("ada")
	h.Click("Create the account")
	h.See("You belong to no organization yet")
	h.Click("New organization")
	h.Fill("Name", "acme")
	h.Click("Create")
	h.At("/app/acme/start")
	for _, e := range cli.Engines() {
		h.connects(e)
	}
}

// connects does what the page says, with one of the command lines.
func (h *hosted) connects(e cli.Engine) {
	h.t.Helper()
	h.Allow("http://localhost:") // where the command line waits for the answer of the login
	workspace := "with-" + e.Name
	h.Go("/app/acme/start")
	h.See("Trust the server's certificate")
	h.Choose("Command line", map[string]string{"tofu": "OpenTofu", "terraform": "Terraform"}[e.Name])
	h.Fill("Name of the workspace", workspace)
	h.See("Waiting for " + workspace)
	h.Shot("start-with-certificate-" + e.Name)
	trust, login, config, run := h.shown("Trust the server's certificate"), h.shown("Log in from the command line"), h.shown("Say in the configuration where"), h.shown("Run it")

	shell := NewTerminal(h.t, e)
	shell.Paste(trust)
	shell.See(prompt, prompt)
	shell.Paste(login)
	shell.See("Do you want to proceed?")
	shell.Paste("yes")
	h.Visit(shell.Opened())
	h.See("asks for a token of your account ada")
	h.Shot("screens/consent")
	h.Click("Allow")
	h.See("close this page")
	shell.See(prompt)

	for name, text := range map[string]string{"cloud.tf": config, "main.tf": story} {
		if err := os.WriteFile(filepath.Join(shell.Dir, name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	h.Go("/app/acme/start")
	h.Fill("Name of the workspace", workspace)
	h.See("Waiting for " + workspace)
	init, apply, _ := strings.Cut(run, "\n")
	shell.Paste(init)
	shell.See("has been successfully initialized", prompt)
	h.See(workspace + " is connected") // by itself
	shell.Paste(apply)
	h.Click("Open its run")
	h.status("planned")
	h.See("Needs confirmation", "terraform_data.tale", "Changes", "by ada")
	shell.See("Enter a value:")
	h.Click("Confirm and apply")
	h.Fill("Comment", "As agreed on Monday.")
	h.Click("Confirm and apply")
	h.status("applying")
	h.See("chapter 1")
	h.Unseen("chapter 4")
	h.status("applied")
	h.See("chapter 4", "As agreed on Monday.")
	shell.See("chapter 4", "Apply complete! Resources: 1 added", `tale = "once upon a time"`, prompt)

	h.Click(workspace)
	h.See("Outputs", "once upon a time", "1 resource")
	h.Shot("workspace-applied-" + e.Name)
}
