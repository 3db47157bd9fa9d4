-- Load for wrk: POSTs with a fresh JSON-RPC id each; says what came of it as one line of JSON.
local counter = 1000000
local head, tail

function init()
  local headers = {}
  for name, value in os.getenv("BENCH_HEADERS"):gmatch("([^\n:]+): ([^\n]*)") do headers[name] = value end
  headers["Host"] = headers["host"] or wrk.headers["Host"]
  headers["host"] = nil
  local request = wrk.format("POST", nil, headers, os.getenv("BENCH_BODY"))
  local from, to = request:find('"id":1000000', 1, true)
  head, tail = request:sub(1, from + 4), request:sub(to + 1)
end

function request()
  counter = counter + 1
  return head .. counter .. tail
end

-- Random between 0 and twice the mean, so that the connections do not call at the same moment.
local pause = tonumber(os.getenv("BENCH_PAUSE")) or 0
if pause > 0 then
  function delay() return math.random(0, 2 * pause) end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'result {"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
