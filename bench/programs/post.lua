-- What wrk posts: WRK_BATCH messages of WRK_SIZE bytes, or their bytes alone
-- (WRK_KIND is raw); at the end it tells what came of it, in one line of JSON.

local batch = tonumber(os.getenv("WRK_BATCH"))
local text = string.rep("x", tonumber(os.getenv("WRK_SIZE")))

wrk.method = "POST"
if os.getenv("WRK_KIND") == "raw" then
    wrk.body = text
    wrk.headers["Content-Type"] = "text/plain"
else
    local messages = {}
    for number = 1, batch do
        messages[number] = string.format(
            '{"body":"%s","tags":"tag","keys":["key%d"]}', text, number)
    end
    wrk.body = '{"messages":[' .. table.concat(messages, ",") .. "]}"
    wrk.headers["Content-Type"] = "application/json"
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nDONE {"requests":%d,"secs":%f,"status":%d,"broken":%d,"p50":%d,"p99":%d}\n',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
