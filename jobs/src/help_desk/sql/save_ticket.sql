-- Writes what has become of ticket $1 of $2, at $11, and returns its new version.
update desk.tickets
set priority = $3, status = $4, assigned_to = $5, contract_id = $6, first_responded_at = $7, resolved_at = $8, closed_at = $9, cycle = $10,
    updated_at = $11, category = $12, tags = $13, void_reason = $14, merged_into = $15, lock_version = lock_version + 1
where (id, created_at) = ($1, $2)
returning lock_version
