// Package identity is the room of who: people, teams, organizations, and the tokens
// that speak for them.
//
//	users      people with a login
//	orgs       organizations and their settings
//	teams      teams, their members and their organization access
//	members    memberships of people in organizations
//	tokens     everything that authenticates a request
//	access     what teams may do in projects and workspaces, and the subject of a token
//	changes    the stream that tells clients what has changed
//	trail      the audit trail for collectors of logs
//	retention  when old data of an organization or workspace is deleted
//	login      pages and endpoints by which people get tokens
//
// It may import the kernel only.
package identity
