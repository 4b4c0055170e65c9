package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/apptest/cli"
)

const readme = "# Labels\n\nMakes **labels**, see [the guide](https://example.com/guide).\n\n| Name | For |\n|---|---|\n| `prefix` | all |\n\n<script>alert(1)</script> ![pixel](https://example.com/pixel.png)\n"

// TestModuleIsPublishedAndInstalled: from an archive in the browser to the real command line.
func TestModuleIsPublishedAndInstalled(t *testing.T) {
	h := newHosted(t)
	archive := filepath.Join(t.TempDir(), "labels.tar.gz")
	files := map[string]string{
		"main.tf":   "variable \"prefix\" {\n  type        = string\n  description = \"Before each label.\"\n}\noutput \"label\" { value = \"${var.prefix}-x\" }\n",
		"README.md": readme, "modules/inner/main.tf": "output \"y\" { value = 1 }\n",
	}
	if err := os.WriteFile(archive, apptest.TarGz(t, files), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Go("/app/acme/registry")
	h.At("/app/acme/registry/modules")
	h.See("No modules yet")
	h.Click("Publish a module")
	h.Fill("Name", "labels")
	h.Fill("Provider", "null")
	h.Click("Create the module")
	h.See("acme/labels/null")
	h.Shot("registry-publish")
	h.run(chromedp.SetUploadFiles(`input[type=file]`, []string{archive}))
	h.Click("Publish 1.0.0")
	h.At("/app/acme/registry/modules/acme/labels/null")
	h.See("Makes labels", "the guide", `version = "~> 1.0"`, "modules/inner", "ready")
	h.Shot("registry-module")
	h.Click("Inputs")
	h.See("prefix", "required", "Before each label.")

	sh := cli.NewShell(t, h.engine, h.URL, h.CA(), h.token)
	snippet := h.shown("Use it")
	sh.Write("main.tf", snippet)
	if out := sh.Run("init"); !strings.Contains(out, "acme/labels/null 1.0.0 for labels") {
		t.Errorf("init with the snippet\n%s\nsays:\n%s", snippet, out)
	}
	sh.Write("main.tf", strings.Replace(snippet, "\n}", "\n  prefix  = \"p\"\n}", 1)+"output \"label\" { value = module.labels.label }\n")
	if out := sh.Run("apply", "-auto-approve"); !strings.Contains(out, `label = "p-x"`) {
		t.Errorf("apply with the published module says:\n%s", out)
	}

	h.Click("Deprecate 1.0.0")
	h.See("Those who use it are warned in each run.")
	h.Shot("registry-deprecate")
	h.Fill("Why, and what to use instead", "Use tags.")
	h.Click("Deprecate")
	h.See("Version 1.0.0 is deprecated.", "Use tags.")
	h.Until("the list to say so", `document.querySelector('[aria-label=Versions]').innerText.includes('deprecated')`)
	h.Shot("registry-module-deprecated")
	h.Click("Revoke 1.0.0")
	h.Fill("Why, and what to use instead", "It leaks.")
	h.Click("Revoke")
	h.See("Version 1.0.0 is revoked.", "It leaks.")
	h.Shot("registry-module-revoked")
	h.Unseen("Use it")
	h.Go("/app/acme/registry/modules")
	h.See("labels", "revoked")
	h.Shot("registry-modules")
	h.others()
}

// shown is the text that a panel of the page offers to copy.
func (b *Browser) shown(title string) (text string) {
	b.t.Helper()
	b.Eval(`[...document.querySelectorAll('main section, main li')].find((e) => e.querySelector('h2, h3')?.innerText.includes(`+quoted(title)+`))?.querySelector('pre')?.textContent ?? ''`, &text)
	if text == "" {
		b.fail("nothing is shown under %q", title)
	}
	return text
}

// others looks at the rest of the registry.
func (h *hosted) others() {
	h.t.Helper()
	h.Go("/app/acme/registry/providers")
	h.Click("Add a provider")
	h.Fill("Name", "inventory")
	h.Click("Add")
	h.See("inventory", "0 versions")
	h.Shot("registry-providers")
	h.Click("inventory")
	h.See("No version yet", "Publish a version")
	h.Shot("registry-provider")
	h.Go("/app/acme/registry/keys")
	h.See("No keys yet")
	h.Shot("registry-keys")
	h.Go("/app/acme/registry/components")
	h.See("No component configurations yet")
}
