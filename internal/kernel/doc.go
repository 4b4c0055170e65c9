// Package kernel holds what every capability stands on and nothing that knows a
// capability. Its packages, in import order (each may import only those above):
//
//	id        external ids
//	problem   errors that a client may see
//	jsonapi   documents of the wire
//	config    the settings of the server
//	mail      mail, by the mail server of the operator
//	crypt     secrets at rest
//	safehttp  requests to addresses that users give
//	archive   tar.gz in and out
//	blob      objects: files or S3
//	authz     permissions, levels, subjects
//	db        one SQL for SQLite and PostgreSQL
//	events    what happened, told after the commit
//	jobs      work in the background
//	audit     who did what
//	api       typed functions as routes
package kernel
