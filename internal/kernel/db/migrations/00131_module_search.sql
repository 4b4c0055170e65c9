-- +goose Up
-- What a search looks at in a module: its name, provider and namespace in lower case.
ALTER TABLE registry_modules ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE registry_modules SET search = name_lower || ' ' || provider || ' ' || namespace_lower;
