--- console.context: one request, as pages see it: its fields, its queue, and the links from it.

local html = require "watchbot.console.html"

---@class watchbot.ConsoleContext
---@field console watchbot.Console
---@field form watchbot.ConsoleForm of the query, or of the body
---@field path string behind the console's own path
---@field notice { kind: string, words: string }?
local Context = {}
Context.__index = Context

local context = {}

---@param console watchbot.Console
---@param path string
---@param fields watchbot.ConsoleForm
---@return watchbot.ConsoleContext
function context.new(console, path, fields)
  return setmetatable({
    console = console, path = path, form = fields, notice = console.notices[fields:number "told"],
  }, Context)
end

--- A link to a page of this console.
---@param path string
---@param ... any names and values of the query
---@return watchbot.HtmlLink
function Context:link(path, ...)
  return html.link(self.console.base .. path, ...)
end

--- The queue that the address names; the first, if it names none.
---@return watchbot.ConsoleSource
function Context:source()
  local sources = self.console.sources
  return sources[self.form:number "queue" or 1] or sources[1]
end

--- Where the changes of this page are sent.
---@return string
function Context:events()
  local form = self.form
  return self:link("/events", "page", self.path, "queue", form:one "queue", "id", form:one "id",
    "state", form:one "state", "match", form:one "match", "at", form:one "at").address
end

return context
