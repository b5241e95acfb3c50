# Places two orders. Each promises its job in its own transaction; the second one's card is refused.
require "json"
require "pg"

class CardRefused < StandardError; end

def place_order(connection, number, card_is_good:)
  connection.transaction do
    connection.exec_params("insert into shop.orders (number) values ($1)", [number])
    promise = "select faena.enqueue('touch', $1, tenant => $2)"
    puts connection.exec_params(promise, [JSON.generate(n: number, sleep_ms: 0), "acme"]).getvalue(0, 0)
    raise CardRefused unless card_is_good
  end
end

connection = PG.connect(ENV.fetch("DATABASE_URL"))
first = Integer(ARGV.fetch(0))
place_order(connection, first, card_is_good: true)
begin
  place_order(connection, first + 1, card_is_good: false)
rescue CardRefused
  # What the transaction promised was rolled back with it.
end
begin
  connection.exec_params("select faena.enqueue('touch', $1)", [JSON.generate(n: "ten", sleep_ms: 0)])
rescue PG::InvalidParameterValue => error
  puts "#{error.result.error_field(PG::PG_DIAG_COLUMN_NAME)} #{error.message[/ERROR:  (.*)/, 1]}"
end
