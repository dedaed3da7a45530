--- collector: a collector of OTLP for specs (spec/support/collector.py): it takes nothing that is
-- not written by the published mapping. All but `start` waits, so it belongs into a task.

local http = require "watchbot.http"
local json = require "watchbot.lib.json"
local server = require "support.server"

local methods = {}
methods.__index = methods

local collector = {}

--- Starts a collector.
function collector.start()
  local child = server.start("python3", "-B", "spec/support/collector.py")
  return setmetatable({ child = child, url = child.url, port = child.port, seen = 0 }, methods)
end

--- What the next requests get instead of an answer of success.
---@param ... table steps
function methods:script(...)
  local response = assert(http.request {
    method = "PUT", url = self.url .. "/script", body = json.encode(json.list { ... }),
    direct = true,
  })
  assert(response.status == 200)
end

--- The requests since the last time.
---@return { path: string, headers: table, request: table, problems: string[], status: integer }[]
function methods:received()
  local response = assert(http.request { url = self.url .. "/received", direct = true,
    limit = 256 << 20 })
  local all, fresh = json.decode(response.body, true), {}
  for index = self.seen + 1, #all do fresh[#fresh + 1] = all[index] end
  self.seen = #all
  return fresh
end

-- A list of attributes as a table.
local function plain(list)
  local all = {}
  for _, one in ipairs(list or {}) do
    local _, value = next(one.value)
    all[one.key] = one.value.intValue and math.tointeger(tonumber(value)) or value
  end
  return all
end

--- The spans of requests, as they were taken: `attributes` as a table, `events` too; an error for a
--- request that was not well formed.
---@param requests table[]
---@return table[] spans in their order
function collector.spans(requests)
  local spans = {}
  for _, one in ipairs(requests) do
    if one.problems[1] then error(table.concat(one.problems, "\n"), 2) end
    local resource = one.request.resourceSpans and one.request.resourceSpans[1]
    for _, span in ipairs(resource and resource.scopeSpans[1].spans or {}) do
      span.attributes, span.resource = plain(span.attributes), plain(resource.resource.attributes)
      for _, event in ipairs(span.events or {}) do event.attributes = plain(event.attributes) end
      spans[#spans + 1] = span
    end
  end
  return spans
end

--- The same of the requests since the last time, or these.
---@param requests table[]?
function methods:spans(requests)
  return collector.spans(requests or self:received())
end

--- The one span whose name begins so.
function collector.named(spans, prefix)
  local found
  for _, span in ipairs(spans) do
    if span.name:sub(1, #prefix) == prefix then
      assert(not found, "several spans are called " .. prefix)
      found = span
    end
  end
  return assert(found, "no span is called " .. prefix)
end

function methods:close() self.child:close() end

return collector
