import { Icon } from '~/ui/Icon'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import type { Part } from './draft'

/** Engine says how it is scanned. What it holds is right for most, so that it is closed at first. */
export function Engine({ draft, onChange, wrong, hasEnv }: Part & { hasEnv: boolean }) {
  const isWrong = ['tool', 'tool-version', 'workspace', 'mode', 'timeout', 'var-files', 'env'].some((name) => wrong[name])
  return (
    <details open={isWrong || undefined} className="rounded-lg border border-line bg-surface shadow-low">
      <summary className="flex min-h-11 items-center gap-2 px-4 font-semibold"><Icon name="right" className="text-muted transition-transform in-open:rotate-90" />How: engine, variables, time limit</summary>
      <div className="grid gap-4 border-t border-line p-4 sm:grid-cols-2">
        <Field label="Engine" error={wrong.tool}>
          <Select value={draft.tool} onChange={(e) => onChange({ tool: e.target.value })}>
            <option value="auto">as the code says</option>
            <option value="tofu">OpenTofu</option>
            <option value="terraform">Terraform</option>
          </Select>
        </Field>
        <Field label="Version" error={wrong['tool-version']} optional><Input value={draft['tool-version']} onChange={(e) => onChange({ 'tool-version': e.target.value })} placeholder="as the code says" /></Field>
        <Field label="CLI workspace" error={wrong.workspace} optional><Input value={draft.workspace} onChange={(e) => onChange({ workspace: e.target.value })} placeholder="default" /></Field>
        <Field label="Minutes at most" error={wrong.timeout}><Input type="number" min={1} max={240} value={draft.timeout} onChange={(e) => onChange({ timeout: e.target.value })} required /></Field>
        <Field label="Compare" error={wrong.mode} className="sm:col-span-2">
          <Select value={draft.mode} onChange={(e) => onChange({ mode: e.target.value })}>
            <option value="plan">state, reality and code: tells drift from noise</option>
            <option value="refresh-only">state and reality only</option>
          </Select>
        </Field>
        <Field label="Variable files" error={wrong['var-files']} optional help="One on each line, seen from the folder: prod.tfvars, ../shared.tfvars." className="sm:col-span-2"><Textarea rows={2} className="font-mono text-sm" value={draft['var-files']} onChange={(e) => onChange({ 'var-files': e.target.value })} /></Field>
        <Field label="Environment variables" error={wrong.env} optional help={hasEnv ? 'There are some, and nobody can read them. Leave it empty to keep them; what you write replaces all.' : 'One NAME=value on each line. They are sealed, and only scans get them.'} className="sm:col-span-2">
          <Textarea rows={3} className="font-mono text-sm" value={draft.env} onChange={(e) => onChange({ env: e.target.value })} disabled={draft.forgetEnv} placeholder="TF_VAR_region=eu-central-1" />
        </Field>
        {hasEnv && <Choice label="Forget the environment variables" checked={draft.forgetEnv} onChange={(e) => onChange({ forgetEnv: e.target.checked })} className="sm:col-span-2" />}
      </div>
    </details>
  )
}
