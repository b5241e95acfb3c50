-- Has the statistics of the demo's sales worked out as soon as a worker is there, and not at the next half hour. Applied with psql by deploy/up after the sales.
-- Applying it again changes nothing.

do $demo$
begin
    if exists (select from school.sales_changes) then
        perform faena.enqueue('refresh_sales_statistics', '{}');
    end if;
end $demo$;
