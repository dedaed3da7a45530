--- cli.status.watching: `watchbot status --watch`: the figures of a queue on a screen, read again
-- and again, and of an embedded queue what runs now and what has failed.

local figures = require "watchbot.cli.status.figures"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local screen = require "watchbot.cli.screen"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

-- Jobs that are read for the screen.
local MOST = 100

-- Seconds until the figures are read again: those of a file take a second to read, and those of
-- SQS cost calls.
local OFTEN, SELDOM = 1, 60

local watching = {}

-- Loaded on demand: of embedded queues only.
local function jobs() return require "watchbot.queue.sqlite.jobs" end
local function view() return require "watchbot.cli.jobs.view" end

local function add_jobs(lines, title, rows, now)
  if #rows == 0 then return end
  lines[#lines + 1] = ""
  lines[#lines + 1] = terminal.paint("bold", title)
  for _, row in ipairs(rows) do lines[#lines + 1] = view().line(row, now) end
end

-- What a queue's file contains besides its figures.
local function read_jobs(url)
  local queue <close>, err, code = require("watchbot.queue").open(url, { read_only = true })
  if not queue then return nil, err, code end
  local found, now = {}, scheduler.time()
  for name, filter in pairs {
    running = { states = { "running" }, limit = MOST },
    failed = { states = { "failed" }, limit = MOST, since = now - 3600000 },
  } do
    local page
    page, err, code = jobs().list(queue, filter)
    if not page then return nil, err, code end
    found[name] = page.rows
  end
  return found
end

-- What is on the screen, as it was read last.
---@class watchbot.StatusPage
local Page = {}
Page.__index = Page

-- Reads everything. The first failure ends the command; later ones are shown with the old figures.
function Page:read()
  local found, err, code = self.look()
  if found then
    self.found, self.at = found, scheduler.time()
    if self.embedded then self.jobs, err = read_jobs(self.url) end
  end
  self.problem = err
  return self.found ~= nil or nil, err, code
end

function Page:lines()
  local lines, now = figures.lines(self.found), scheduler.time()
  if self.jobs then
    add_jobs(lines, "running", self.jobs.running, now)
    add_jobs(lines, "failed in the last hour", self.jobs.failed, now)
  end
  local hint = self.problem and terminal.paint("red", "? " .. text.line(self.problem))
    or self.hint or ""
  local at = scheduler.iso_date(self.at):gsub("%.%d+Z$", "Z")
  table.insert(lines, 1, ("%-14s %s   %s"):format("at", at, hint))
  for index, line in ipairs(lines) do lines[index] = text.coloured(line) end
  return lines
end

-- Reads again and again.
local function keep_reading(page, shown, pause)
  while true do
    scheduler.sleep(pause)
    page:read()
    shown:wake()
  end
end

local function follow(page, shown, pause)
  local reading = scheduler.spawn(keep_reading, page, shown, pause)
  local key
  repeat
    shown:draw(page:lines())
    key = shown:wait(3600)
  until key == "q" or key == "Q"
  reading:cancel()
  return 0
end

--- Shows the figures until q is typed; without a terminal, once.
---@param url string
---@param look fun(): watchbot.Status?, string?, string? reads the figures
---@param seconds number? between two readings
---@return integer? status
---@return string? err
---@return string? code
function watching.run(url, look, seconds)
  local page = setmetatable({ url = url, look = look, embedded = url:find "^sqlite:" ~= nil }, Page)
  local ok, err, code = page:read()
  if not ok then return nil, err, code end
  if not screen.is_possible() then
    for _, line in ipairs(page:lines()) do output.check(output.line(line)) end
    return 0
  end
  page.hint = terminal.paint("dim", "q quits")
  local shown <close>, problem, problem_code = screen.open()
  if not shown then return nil, problem, problem_code end
  return follow(page, shown, seconds or (page.embedded and OFTEN or SELDOM))
end

return watching
