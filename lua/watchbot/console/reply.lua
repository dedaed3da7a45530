--- console.reply: the responses of the console, each with the headers that keep browsers from doing
-- anything else with it: no script and no style but its own, no frame, no guessing of types.

local assets = require "watchbot.console.assets"

local reply = {}

local HEADERS = {
  ["Content-Security-Policy"] = table.concat({
    "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
  }, "; "),
  ["X-Content-Type-Options"] = "nosniff",
  ["X-Frame-Options"] = "DENY",
  -- With "no-referrer", browsers send "Origin: null" with the forms of these pages.
  ["Referrer-Policy"] = "same-origin",
  ["Cross-Origin-Opener-Policy"] = "same-origin",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
  ["Cache-Control"] = "no-store",
}

--- The headers of every response.
---@param type string
---@param more table<string, string>?
---@return table<string, string>
function reply.headers(type, more)
  local headers = { ["Content-Type"] = type }
  for name, value in pairs(HEADERS) do headers[name] = value end
  for name, value in pairs(more or {}) do headers[name] = value end
  return headers
end

--- Text for programs and for requests that no page makes.
---@param request watchbot.ServerRequest
---@param status integer
---@param words string
---@param more table<string, string>?
function reply.text(request, status, words, more)
  request:answer(status, reply.headers("text/plain; charset=utf-8", more), words .. "\n")
end

--- A page.
---@param request watchbot.ServerRequest
---@param status integer
---@param page watchbot.Html
---@param more table<string, string>?
function reply.page(request, status, page, more)
  request:answer(status, reply.headers("text/html; charset=utf-8", more), page.bytes)
end

--- The browser gets another page: what was posted is not posted again when it is reloaded.
---@param request watchbot.ServerRequest
---@param link watchbot.HtmlLink
---@param more table<string, string>?
function reply.see(request, link, more)
  local headers = reply.headers("text/plain; charset=utf-8", more)
  headers.Location = link.address
  request:answer(303, headers, "see " .. link.address .. "\n")
end

--- A file of the console. Its address changes with its content.
---@param request watchbot.ServerRequest
---@param name string
---@return boolean whether there is one of this name
function reply.asset(request, name)
  local asset = assets.get(name)
  if not asset then return false end
  request:answer(200, reply.headers(asset.type, {
    ["Cache-Control"] = "public, max-age=31536000, immutable",
  }), asset.bytes)
  return true
end

return reply
