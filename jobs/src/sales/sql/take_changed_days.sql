-- Takes the days that movements have come for since they were last rolled up, oldest first. Whoever calls it is alone at the statistics.
with taken as materialized (
    select id, day from school.changed_days
), gone as (
    delete from school.sales_changes c using taken where c.id = taken.id
)
select distinct day from taken order by day
