// The kinds of connections, and what each is told.

/** Told is a field of a kind; what is secret can be written and never read. */
export type Told = { field: string; label: string; help?: string; placeholder?: string; optional?: boolean; secret?: 'line' | 'text' }

/** ConnectionKind is a kind of connection; file is the configuration that makes what it needs. */
type ConnectionKind = { label: string; about?: string; file?: string; fields: Told[] }

const role: Told = { field: 'role', label: 'Role', placeholder: 'arn:aws:iam::123456789012:role/drift' }
const audience: Told = { field: 'audience', label: 'Audience of the tokens', optional: true, help: 'Only if the cloud expects another one than usual.' }
const keyless = 'Nothing secret is kept. Each scan has a token that this server signs; the cloud must be able to reach its public address. What the cloud must trust is shown once this is saved.'

/** connectionKinds are those that can be chosen, by their names in the API. */
export const connectionKinds: Record<string, ConnectionKind> = {
  'aws-oidc': { label: 'AWS, without keys (OpenID Connect)', about: keyless, file: 'make-aws-oidc.tf', fields: [role, audience] },
  'aws-role': { label: 'AWS, a role for this server', file: 'make-role.tf', fields: [{ ...role, help: 'Its trust policy must ask for the external id, which is shown once this is saved.' }] },
  aws: { label: 'AWS, access keys', file: 'make-key.tf', fields: [{ field: 'key-id', label: 'Access key id' }, { field: 'key-secret', label: 'Secret access key', secret: 'line', help: 'It is sealed, and nobody can read it again.' }] },
  'azure-oidc': {
    label: 'Azure, without keys (OpenID Connect)', about: keyless, file: 'make-azure-oidc.tf',
    fields: [{ field: 'tenant-id', label: 'Tenant id' }, { field: 'client-id', label: 'Client id', help: 'Of the application, which needs the role Reader.' }, { field: 'subscription-id', label: 'Subscription id' }, audience],
  },
  'gcp-oidc': {
    label: 'Google Cloud, without keys (OpenID Connect)', about: keyless, file: 'make-gcp-oidc.tf',
    fields: [{ field: 'provider', label: 'Workload identity provider', placeholder: 'projects/123/locations/global/workloadIdentityPools/pool/providers/plumbline' }, { field: 'service-account', label: 'Service account', placeholder: 'scan@my-project.iam.gserviceaccount.com', optional: true }, audience],
  },
  'gcp-role': { label: 'Google Cloud, by the AWS identity of this server', file: 'make-gcp-role-service-account.tf', fields: [{ field: 'workload', label: 'Workload identity configuration', secret: 'text', help: 'The JSON that gcloud iam workload-identity-pools create-cred-config prints.' }] },
  gcp: { label: 'Google Cloud, a service account', file: 'make-gcp-service-account.tf', fields: [{ field: 'credentials', label: 'Key of the service account', secret: 'text', help: 'The JSON of the key. It is sealed.' }] },
  oth: { label: 'Environment variables', fields: [{ field: 'credentials', label: 'Variables', secret: 'text', help: 'One NAME=value on each line. They are sealed; only their names are shown.' }] },
}
