--- console: a web page for people who would rather look: queues, jobs, dead letters. Served by
-- `watchbot console`, and by a watcher with the policy field `console`. Pages are HTML made here;
-- the script only keeps them up to date. Who may see them is decided by console.access.

local access = require "watchbot.console.access"
local embedded = require "watchbot.console.embedded"
local job_page = require "watchbot.console.job_page"
local jobs = require "watchbot.console.jobs"
local letter_actions = require "watchbot.console.letter_actions"
local letters = require "watchbot.console.letters"
local overview = require "watchbot.console.overview"
local router = require "watchbot.console.router"
local scheduler = require "watchbot.scheduler"

-- Seconds for which the console counts as watched after a page or an event was sent.
local LOOKING = 10

-- Notices that are kept for the pages that show them.
local TOLD = 50

---@class watchbot.Console
---@field sources watchbot.ConsoleSource[]
---@field access watchbot.ConsoleAccess
---@field write boolean
---@field base string of all addresses: "", or "/console"
---@field readers integer pages that are kept up to date
---@field pages table[] in the navigation
local Console = {}
Console.__index = Console

local console = {}

---@class watchbot.ConsoleOptions: watchbot.ConsoleAccessOptions
---@field queues string[] URLs
---@field places table[]? of the queues on SQS: their log group, cluster, task definition; see
--- console.sqs
---@field write boolean? dead letters may be replayed and deleted
---@field base string? what all its addresses begin with, default ""
---@field note fun(words: string)? hears of what was done
---@field itself (fun(number: integer): watchbot.JobRow[], watchbot.LiveWatcher)? of a watcher's
--- own console: what it runs of the queue with this number, and that it is alive

local function source_of(url, number, place)
  if url:match "^sqlite:" then return embedded.new(url, number) end
  return require "watchbot.console.sqs".new(url, number, place)
end

--- Makes a console; `start` has it read its queues.
---@param options watchbot.ConsoleOptions
---@return watchbot.Console?
---@return string? err
---@return "Usage"? code
function console.new(options)
  local allowed, err = access.new {
    hosts = options.hosts, token = options.token, port = options.port,
    path = (options.base or "") ~= "" and options.base or "/",
  }
  if not allowed then return nil, err, "Usage" end
  local sources = {}
  for index, url in ipairs(options.queues) do
    sources[index] = source_of(url, index, (options.places or {})[index])
    sources[index].itself = options.itself
  end
  return setmetatable({
    sources = sources, access = allowed, write = options.write or false,
    base = options.base or "", readers = 0, pages = { overview, jobs, letters }, notices = {},
    last = 0,
    looked = -math.huge, options = options,
  }, Console)
end

--- Reads the queues, until `close`.
---@param supervise fun(name: string, body: function, ...): table
function Console:start(supervise)
  self.tasks = {}
  for index, source in ipairs(self.sources) do
    self.tasks[index] = supervise("console", function()
      while true do
        source:refresh(self:is_watched())
        self:rest(source)
      end
    end)
  end
end

-- Until the next reading, which a request brings forward.
function Console:rest(source)
  local started = scheduler.now()
  repeat scheduler.sleep(1) until scheduler.now() - started >= source:pause(self:is_watched())
end

--- A page was sent.
function Console:watched() self.looked = scheduler.now() end

---@return boolean
function Console:is_watched() return scheduler.now() - self.looked < LOOKING end

--- The dead letters of all queues.
---@return integer
function Console:dead()
  local count = 0
  for _, source in ipairs(self.sources) do count = count + (source.figures.dead or 0) end
  return count
end

--- What its calls of AWS were, in words; nil where there are none.
---@return string?
function Console:calls()
  for _, source in ipairs(self.sources) do
    if source.calls then return source:calls() end
  end
end

--- Keeps a notice for the next page. => what the page's address needs to show it
---@param told { kind: "good"|"bad", words: string }
---@return integer
function Console:tell(told)
  self.last = self.last + 1
  self.notices[self.last], self.notices[self.last - TOLD] = told, nil
  return self.last
end

--- Reports what was done.
---@param done { source: watchbot.ConsoleSource, what: string, count: integer, err: string? }
function Console:note(done)
  if not self.options.note then return end
  self.options.note(("%s: %s: %d messages%s"):format(done.source.shown, done.what, done.count,
    done.err and ": " .. done.err or ""))
end

local routes = {
  ["/"] = { get = overview.get },
  ["/jobs"] = { get = jobs.get },
  ["/job"] = { get = job_page.get },
  ["/job/act"] = { post = job_page.act },
  ["/dead-letters"] = { get = letters.get },
  ["/dead-letter"] = { get = letters.one },
  ["/dead-letters/read"] = { post = letters.read },
  ["/dead-letters/confirm"] = { post = letter_actions.confirm },
  ["/dead-letters/act"] = { post = letter_actions.act },
}

local streams = {
  ["/"] = overview, ["/jobs"] = jobs, ["/job"] = job_page, ["/dead-letters"] = letters,
}

--- Answers one request for an address below `base`. Waits in a task.
---@param request watchbot.ServerRequest
function Console:answer(request)
  router.answer(self, request, routes, streams)
end

--- The address that opens it.
---@param origin string "http://127.0.0.1:8090"
---@return string
function Console:url(origin)
  return ("%s%s/?token=%s"):format(origin, self.base, self.access.token)
end

--- Ends its tasks, and gives back what it holds.
function Console:close()
  self.closed = true
  for _, task in ipairs(self.tasks or {}) do task:cancel "the console ends" end
  for _, source in ipairs(self.sources) do source:close() end
end

Console.__close = Console.close

return console
