--- ground: a local AWS with the fault proxy in front of it, and `watchbot run` as a client. The
-- watcher uses the proxy's address as the endpoint; the spec itself talks to the local AWS
-- directly, so no rule affects it. Everything except `start` and `close` waits, so it must be in a
-- task.

local aws = require "watchbot.aws"
local checker = require "support.checker"
local cjson = require "cjson"
local fault_proxy = require "support.fault_proxy"
local local_aws = require "support.local_aws"
local workshop = require "support.workshop"

local ground = {}

local REGION = "eu-west-1"
local KEYS = { access_key = "AKIDOFNOBODY", secret_key = "secret-of-nobody" }

local Ground = {}
Ground.__index = Ground

--- One queue with its dead letters, and one watcher of it.
---@class watchbot.spec.Site
local Site = {}
Site.__index = Site

--- Starts the proxy, and a local AWS behind it or what is given instead.
---@param server { url: string, close: fun(self) }?
---@return table ground
function ground.start(server)
  server = server or local_aws.start()
  return setmetatable({ server = server, proxy = fault_proxy.start(server.url), sites = 0 }, Ground)
end

function Ground:close()
  self.proxy:close()
  self.server:close()
end

function Ground:client(service)
  return assert(aws(service, {
    region = REGION, endpoint = self.server.url, credentials = KEYS, getenv = function() end,
  }))
end

local function arn_of(sqs, url)
  return assert(sqs:GetQueueAttributes { QueueUrl = url,
    AttributeNames = { "QueueArn" } }).Attributes.QueueArn
end

-- A new queue with dead letters.
local function make_queues(sqs, name, options)
  local dead = assert(sqs:CreateQueue { QueueName = name .. "-dead" }).QueueUrl
  local redrive = {
    deadLetterTargetArn = arn_of(sqs, dead), maxReceiveCount = options.max_receives or 100,
  }
  local queue = assert(sqs:CreateQueue { QueueName = name, Attributes = {
    RedrivePolicy = cjson.encode(redrive),
    MaximumMessageSize = options.largest and tostring(options.largest),
  } }).QueueUrl
  return queue, dead
end

--- A site with a new queue; must be closed.
---@param folder table of workshop
---@param options { max_receives: integer?, largest: integer?, queue: string? } receives before the
--- dead letters; bytes of a message; the URL of a queue that is there and has no dead letters
---@return watchbot.spec.Site
function Ground:site(folder, options)
  self.proxy:clear()
  if self.server.knobs then self.server:knobs { clock_ahead = 0, skew = 300 } end
  self.sites = self.sites + 1
  local sqs, name = self:client "sqs", "jobs-" .. self.sites
  local queue, dead = options.queue, nil
  if not queue then queue, dead = make_queues(sqs, name, options) end
  return setmetatable({
    ground = self, proxy = self.proxy, folder = folder, sqs = sqs, name = name, queue = queue,
    children = {},
    checker = checker.new(sqs, queue, dead),
  }, Site)
end

--- A test body that gets a site: a new queue, a folder, and a proxy without rules.
---@param get fun(): table the ground
---@param body fun(site: watchbot.spec.Site)
---@param options table? of Ground:site
function ground.task(get, body, options)
  return workshop.task(function(folder)
    local site <close> = get():site(folder, options or {})
    body(site)
  end)
end

--- Ends running watchers after a failed spec.
function Site:__close()
  for _, child in ipairs(self.children) do child:close() end
end

-- The environment of the watcher: the local account's, and nothing from the host.
local function environment(site, more)
  local variables = {
    AWS_ENDPOINT_URL = site.proxy.url, AWS_REGION = REGION, AWS_ACCESS_KEY_ID = KEYS.access_key,
    AWS_SECRET_ACCESS_KEY = KEYS.secret_key, AWS_EC2_METADATA_DISABLED = "true",
    AWS_CONFIG_FILE = "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_PROFILE = false, AWS_SESSION_TOKEN = false,
    no_proxy = "*",
    QueueUrl = site.queue, NotificationTopic = false, WATCHBOT_SPEC = site.folder.path,
  }
  for name, value in pairs(more or {}) do variables[name] = value end
  return variables
end

--- Runs another command of the program to its end.
---@return table exit
---@return string stdout
---@return string stderr
function Site:run(arguments, more)
  return workshop.run(self.folder, arguments, environment(self, more))
end

-- A short poll lets a watcher end soon; nothing else depends on its length. Backoff: one second.
local HOOKS = "function policy:poll(state) return state.free, 1 end\nfunction policy:backoff() "
  .. "return 1 end\n"

-- Each task notes that it began and, at its end, that it finished.
local COMMAND = [[echo "$Message" >> begun; %s
echo "$Message" >> finished]]

local POLICY = "local policy = require 'watchbot'.policy {\ncommand = %q,\n%s}\n%s\nreturn policy\n"

--- Sends messages, and registers them with the checker.
function Site:send(...)
  self.checker:send { ... }
end

--- Starts a watcher.
---@param options { fields: string?, work: string?, hooks: string?, environment: table? } the
--- policy's fields and hooks as Lua text; `work`: what a task does between its begin and its end,
--- in sh; variables over the usual ones
---@return table process
function Site:watch(options)
  local command = COMMAND:format(options.work or "")
  self.folder:write("policy.lua",
    POLICY:format(command, options.fields or "", HOOKS .. (options.hooks or "")))
  local child = workshop.start(self.folder, { "run", "policy.lua" },
    environment(self, options.environment))
  table.insert(self.children, child)
  return child
end

--- The watcher's own lines of its log, decoded: those with this member, where one is named.
---@param log string
---@param member string?
---@return table[]
function ground.lines(log, member)
  local lines = {}
  for json in log:gmatch "%[watcher%][^{\n]*(%b{})\n" do
    local line = cjson.decode(json)
    if not member or line[member] ~= nil then lines[#lines + 1] = line end
  end
  return lines
end

--- The bodies whose tasks began, and those whose tasks finished, in this order.
function Site:begun() return self.folder:lines "begun" end

function Site:finished() return self.folder:lines "finished" end

local function alive(child)
  if child:wait(0) then
    error("the watcher has ended: " .. table.concat({ child:output() }, "\n"), 3)
  end
end

--- Waits until as many tasks have finished.
function Site:wait_finished(child, count)
  workshop.eventually(function()
    alive(child)
    return #self:finished() >= count
  end, count .. " tasks have finished")
end

--- Waits until the queue has no messages left, visible or not.
function Site:wait_empty()
  workshop.eventually(function()
    local counts = self.checker:counts()
    return counts.visible + counts.in_flight == 0
  end, "the queue is empty")
end

--- Ends the watcher; returns its log.
function Site:stop(child)
  child:kill "TERM"
  local exit = assert(child:wait(workshop.PATIENCE), "the watcher did not end")
  local log = child:output()
  assert(exit.code == 0, log)
  return log
end

--- Waits until every message has finished or is dead, and gone from the queue; ends the watcher.
---@return string log
function Site:finish(child)
  workshop.eventually(function()
    alive(child)
    return #self:finished() + self.checker:dead() >= self.checker.sent
  end, "all messages have finished or are dead")
  self:wait_empty()
  return self:stop(child)
end

--- Waits until the queue is empty; ends the watcher.
---@return string log
function Site:stop_when_empty(child)
  self:wait_empty()
  return self:stop(child)
end

--- The receipt handles that receives were answered with, the oldest first.
---@return string[]
function Site:receipts()
  local handles = {}
  for _, call in ipairs(self.proxy:log "ReceiveMessage") do
    for _, answer in ipairs(call.answers) do
      for handle in answer.body:gmatch '"ReceiptHandle": *"([^"]+)"' do
        handles[#handles + 1] = handle
      end
    end
  end
  return handles
end

--- A topic for notifications, and a queue that gets what is published to it.
---@return string arn
function Site:topic()
  local sns = self.ground:client "sns"
  local arn = assert(sns:CreateTopic { Name = self.name .. "-failures" }).TopicArn
  self.inbox = assert(self.sqs:CreateQueue { QueueName = self.name .. "-inbox" }).QueueUrl
  assert(sns:Subscribe {
    TopicArn = arn, Protocol = "sqs", Endpoint = arn_of(self.sqs, self.inbox),
  })
  return arn
end

--- The texts of the notifications that have come since the last call.
---@return string[]
function Site:notifications()
  local texts = {}
  for _, message in ipairs(assert(self.sqs:ReceiveMessage {
    QueueUrl = self.inbox, MaxNumberOfMessages = 10, VisibilityTimeout = 3600,
  }).Messages or {}) do
    texts[#texts + 1] = cjson.decode(message.Body).Message
  end
  return texts
end

--- The account if everything worked and nothing is left.
function ground.nothing_wrong()
  return { lost = {}, unknown = {}, duplicates = {}, stuck = 0, dead = {}, queued = {} }
end

--- The account of the checker.
---@param lease number? seconds, 3: the visibility that most specs set
function Site:account(lease)
  return self.checker:account(self:finished(), lease or 3)
end

return ground
