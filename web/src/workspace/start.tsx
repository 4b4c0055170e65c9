// How to connect a first workspace: three steps that work when they are pasted.
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { orgRoute } from '~/kernel/routing'
import { Code } from '~/ui/Copy'
import { Field, Input } from '~/ui/Field'
import { Page, Panel } from '~/ui/Page'

export const startRoute = createRoute({
  getParentRoute: () => orgRoute,
  path: '/start',
  staticData: { crumb: () => 'Connect a workspace' },
  component: Start,
})

function Start() {
  const { org } = startRoute.useParams()
  const [name, setName] = useState('my-workspace')
  const host = window.location.host
  return (
    <Page title="Connect a workspace" about="From a folder with OpenTofu or Terraform files to a first run, in three steps.">
      <ol className="space-y-4">
        <Step number={1} title="Log in from the command line">
          <Code text={`tofu login ${host}`} />
        </Step>
        <Step number={2} title="Tell the configuration where it lives">
          <Field label="Name of the workspace" className="mb-3 max-w-80">
            <Input value={name} onChange={(e) => setName(e.target.value)} />
          </Field>
          <Code title="cloud.tf" text={`terraform {\n  cloud {\n    hostname     = "${host}"\n    organization = "${org}"\n\n    workspaces {\n      name = "${name}"\n    }\n  }\n}\n`} />
        </Step>
        <Step number={3} title="Run it">
          <Code text={'tofu init\ntofu apply'} />
        </Step>
      </ol>
    </Page>
  )
}

function Step({ number, title, children }: { number: number; title: string; children: React.ReactNode }) {
  return (
    <li>
      <Panel title={<span className="flex items-center gap-2.5"><span className="flex size-6 items-center justify-center rounded-full bg-accent-soft text-sm text-accent">{number}</span>{title}</span>} padded>
        {children}
      </Panel>
    </li>
  )
}
