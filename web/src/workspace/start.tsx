// How to connect a first workspace: steps that work when they are pasted into a shell.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { refOf } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { orgRoute } from '~/kernel/routing'
import { Badge } from '~/ui/Badge'
import { LinkButton, Spinner } from '~/ui/Button'
import { Code } from '~/ui/Copy'
import { Notice } from '~/ui/Failure'
import { Field, Input, Select } from '~/ui/Field'
import { Page, Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'

export const startRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/start',
  staticData: { crumb: () => 'Connect a workspace' },
  component: Start,
})

/** caQuery is the certificate that clients must trust, null if they trust the server already. */
const caQuery = {
  queryKey: ['ca'],
  queryFn: async () => {
    const res = await fetch('/app/ca.pem')
    return res.ok ? (await res.text()) || null : null
  },
  staleTime: Infinity,
}

function Start() {
  const { org } = startRoute.useParams()
  const [name, setName] = useState('my-workspace')
  const [tool, setTool] = useState('tofu')
  const ca = useQuery(caQuery)
  const host = window.location.host
  const steps: { title: string; content: ReactNode; optional?: boolean }[] = [
    ...(ca.data ? [{ title: "Trust the server's certificate", content: <Trust pem={ca.data} /> }] : []),
    { title: 'Log in from the command line', content: <Code text={`${tool} login ${host}`} /> },
    {
      title: 'Say in the configuration where it lives',
      content: (
        <>
          <Field label="Name of the workspace" help="It is made when you initialize." className="mb-3 max-w-80">
            <Input value={name} onChange={(e) => setName(e.target.value.replaceAll(/[^\w-]/g, '-'))} />
          </Field>
          <Code title="cloud.tf" text={cloud(host, org, name)} />
        </>
      ),
    },
    { title: 'Run it', content: <><Code text={`${tool} init\n${tool} apply`} /><Found org={org} name={name} /></> },
  ]
  return (
    <Page
      title="Connect a workspace"
      about="From a folder with OpenTofu or Terraform files to a first run."
      actions={
        <Select aria-label="Command line" className="w-36!" value={tool} onChange={(e) => setTool(e.target.value)}>
          <option value="tofu">OpenTofu</option>
          <option value="terraform">Terraform</option>
        </Select>
      }
    >
      {ca.isPending ? (
        <Skeleton className="h-96 w-full" />
      ) : (
        <ol className="space-y-4">
          {steps.map((s, i) => (
            <li key={s.title}>
              <Panel title={<span className="flex items-center gap-2.5"><Badge tone="accent">{i + 1}</Badge>{s.title}</span>} padded>{s.content}</Panel>
            </li>
          ))}
        </ol>
      )}
    </Page>
  )
}

/** Found says when the command line has made the workspace, and leads on to its first run. */
function Found({ org, name }: { org: string; name: string }) {
  const { data } = useQuery({
    ...listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org }, { 'search[name]': name, include: 'current-run', 'fields[workspaces]': 'name,current-run', 'fields[runs]': 'status' }),
    refetchInterval: 3000,
    enabled: name !== '',
  })
  const workspace = data?.items.find((w) => w.attributes.name === name)
  const run = data?.included.get('runs', refOf(workspace, 'current-run')?.id)
  if (!workspace) return <p role="status" className="mt-3 flex items-center gap-2 text-muted"><Spinner />Waiting for {name || 'a name'}: this page notices when it is initialized.</p>
  return (
    <Notice tone="ok" icon="check" role="status" className="mt-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span>{name} is connected. {run ? '' : 'Its first run will show up here.'}</span>
        {run ? (
          <LinkButton small to="/$org/workspaces/$workspace/runs/$run" params={{ org, workspace: name, run: run.id }}>Open its run</LinkButton>
        ) : (
          <LinkButton small to="/$org/workspaces/$workspace" params={{ org, workspace: name }}>Open the workspace</LinkButton>
        )}
      </div>
    </Notice>
  )
}

function cloud(host: string, org: string, name: string): string {
  return `terraform {\n  cloud {\n    hostname     = "${host}"\n    organization = "${org}"\n\n    workspaces {\n      name = "${name}"\n    }\n  }\n}\n`
}

function Trust({ pem }: { pem: string }) {
  return (
    <>
      <p className="mb-3 text-muted">
        This server made its own certificate. On Linux, this lets the command line trust it in this shell; on macOS, add the file to the keychain
        (<code className="font-mono text-sm">security add-trusted-cert</code>) instead of the last line.
      </p>
      <Code className="[&_pre]:max-h-52 [&_pre]:overflow-y-auto" text={`cat > ~/plumbline-ca.pem <<'END'\n${pem.trim()}\nEND\nexport SSL_CERT_FILE=~/plumbline-ca.pem`} />
    </>
  )
}
