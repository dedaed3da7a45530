--- console.router: from a request to a page. Whatever is not exactly right is refused here, in this
-- order: the host, the path, the token or cookie, the method, and of forms the origin, the size and
-- the stamp.

local context = require "watchbot.console.context"
local form = require "watchbot.console.form"
local html = require "watchbot.console.html"
local layout = require "watchbot.console.layout"
local live = require "watchbot.console.live"
local reply = require "watchbot.console.reply"
local views = require "watchbot.console.views"

local router = {}

local door = html.template [[
<div class="door">
<h1>watchbot console</h1>
<p>{words}</p>
<form method="post" action="{action}">
<label for="token">Token</label>
<div class="row"><input id="token" name="token" type="password" autocomplete="off" required>
<button type="submit" class="main">Open</button></div>
</form>
</div>
]]

-- The cookie is only sent once a page of this host has led to the next: that of a link from another
-- site would go without it.
local entered = html.template [[
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>watchbot console</title>
<link rel="icon" href="{icon}">
<meta http-equiv="refresh" content="{refresh}"></head>
<body><p><a href="{home}">Open the console</a></p></body></html>
]]

local function refuse(here, request, status, words)
  reply.page(request, status, layout.page(here, {
    title = "Refused", bare = true, content = views.empty(words, "Nothing was done."),
  }))
end

local function show_door(here, request, words)
  reply.page(request, 401, layout.page(here, {
    title = "Token", bare = true,
    content = door { words = words, action = here:link "/enter" },
  }))
end

local function let_in(here, request)
  local access = here.console.access
  reply.see(request, here:link "/", { ["Set-Cookie"] = access:cookie_header() })
end

-- With the token in the address: the cookie, and a page that leads on without it.
local function enter(here, request)
  local home = here:link "/"
  reply.page(request, 200, entered {
    home = home, refresh = "0; url=" .. home.address, icon = layout.asset(here, "icon.svg"),
  }, {
    ["Set-Cookie"] = here.console.access:cookie_header(),
  })
end

local function enter_by_form(here, request)
  if not here.console.access:is_token(here.form:one "token") then
    return show_door(here, request, "That is not the token of this console.")
  end
  let_in(here, request)
end

local DOOR = "Open the address that was printed when the console started. It ends with a token, "
  .. "which you can also enter here."

local function show(here, request, handler)
  local page, status = handler(here)
  here.console:watched()
  if page then return reply.page(request, status or 200, page) end
  if type(status) == "table" then return reply.see(request, status) end
  refuse(here, request, status, "The form is incomplete.")
end

-- A form of a page that this console has sent, or nothing.
local function post(here, request, route)
  local console = here.console
  if not console.write then
    return refuse(here, request, 403, "This console is read-only.")
  elseif not console.access:is_stamp(here.form:one "stamp") then
    return refuse(here, request, 403, "The form is not one of this console, or an old one.")
  end
  show(here, request, route.post)
end

local function stream(here, request, streams)
  local page = streams[here.form:one "page" or ""]
  if not page then return reply.text(request, 404, "no such page") end
  here.path = here.form:one "page"
  live.stream(here, page, request)
end

local function of_known(here, request, routes, streams)
  local route, method = routes[here.path], request:method()
  if here.path == "/events" and method == "GET" then return stream(here, request, streams) end
  if not route then return refuse(here, request, 404, "There is no such page.") end
  if method == "POST" and route.post then return post(here, request, route) end
  if method ~= "POST" and route.get then return show(here, request, route.get) end
  reply.text(request, 405, "this page takes another method",
    { Allow = route.get and "GET, HEAD" or "POST" })
end

local METHODS = { GET = true, HEAD = true, POST = true }

-- What is refused before anything is read. => status, words
local function problem_of(console, request)
  if not console.access:is_host(request) then
    return 421, "this is not the host of the console; see --allow-host"
  elseif not METHODS[request:method()] then
    return 405, "only GET, HEAD and POST"
  elseif console.access:is_foreign(request) then
    return 403, "a page of another site may not send this"
  elseif request:over() then
    return 413, "the form is too large"
  end
end

-- => the path behind the console's own, its fields | nil err
local function parts_of(console, request)
  local path, query = request:target():match "^([^?]*)%??(.*)$"
  if path:sub(1, #console.base) ~= console.base then return nil, "not found" end
  local encoded = request:method() == "POST" and request:body() or query
  local fields, err = form.read(encoded)
  if not fields then return nil, err end
  path = path:sub(#console.base + 1)
  return path == "" and "/" or path, fields
end

--- Answers a request.
---@param console watchbot.Console
---@param request watchbot.ServerRequest
---@param routes table<string, { get: function?, post: function? }>
---@param streams table<string, table> pages with regions that change
function router.answer(console, request, routes, streams)
  local status, words = problem_of(console, request)
  if status then return reply.text(request, status, words, { Allow = "GET, HEAD, POST" }) end
  local path, fields = parts_of(console, request)
  if not path then return reply.text(request, 400, fields) end
  local here = context.new(console, path, fields)
  if request:method() ~= "POST" and reply.asset(request, path:sub(2)) then return end
  local given = request:method() == "GET" and path == "/" and fields:one "token"
  if given and console.access:is_token(given) then return enter(here, request) end
  if request:method() == "POST" and path == "/enter" then return enter_by_form(here, request) end
  if not console.access:is_known(request) then
    return show_door(here, request, given and "The token in this address is not that of the "
      .. "console that runs now. Each start has a new one." or DOOR)
  end
  of_known(here, request, routes, streams)
end

return router
