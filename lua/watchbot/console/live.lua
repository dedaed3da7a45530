--- console.live: the parts of a page that change, sent as they change: server-sent events
-- (https://html.spec.whatwg.org/multipage/server-sent-events.html). Each reader has a task, which
-- compares what the reader has with what there is now. What a slow reader has not read is bounded
-- by the server, which drops it (doc/server.md); it gets the newest state, not all between.

local json = require "watchbot.lib.json"
local layout = require "watchbot.console.layout"
local reply = require "watchbot.console.reply"
local scheduler = require "watchbot.scheduler"

-- Seconds between two looks, between two signs of life, and after which the browser connects
-- again.
local APART, ALIVE, LONGEST = 1, 15, 600

-- Readers at once.
local MOST = 24

local live = {}

-- The regions of a page that differ from what was sent.
local function changed(sent, regions)
  local fresh, any = {}, false
  for name, region in pairs(regions) do
    if sent[name] ~= region.bytes then
      sent[name], fresh[name], any = region.bytes, region.bytes, true
    end
  end
  return any and fresh
end

local function send(request, event, value)
  return request:send(("event: %s\ndata: %s\n\n"):format(event, json.encode(value)))
end

local function follow(context, page, request)
  local sent, started, spoke = {}, scheduler.now(), scheduler.now()
  while scheduler.now() - started < LONGEST and not request:gone() and not context.console.closed do
    local regions = page.regions(context)
    regions.badge = layout.badge(context)
    local fresh = changed(sent, regions)
    local ok = true
    if fresh then
      ok = send(request, "regions", fresh)
      spoke = scheduler.now()
    elseif scheduler.now() - spoke > ALIVE then
      ok = request:send ": alive\n\n"
      spoke = scheduler.now()
    end
    if not ok then return end
    context.console:watched()
    request:wait_gone(APART)
  end
  request:finish()
end

--- Sends what changes on a page until the reader goes away.
---@param context watchbot.ConsoleContext
---@param page table with `regions`
---@param request watchbot.ServerRequest
function live.stream(context, page, request)
  local console = context.console
  if console.readers >= MOST then
    return reply.text(request, 503, "too many pages are open")
  end
  console.readers = console.readers + 1
  local leave <close> = setmetatable({}, {
    __close = function() console.readers = console.readers - 1 end,
  })
  request:begin(200, reply.headers "text/event-stream")
  follow(context, page, request)
  return leave
end

return live
