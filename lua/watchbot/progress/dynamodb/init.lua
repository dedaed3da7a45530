--- progress.dynamodb: progress in a DynamoDB table whose only key is `id`, including tables used by
-- watchbot-progress.
-- This file has what both formats of a job share, the job's own item; its parts are kept by
-- progress.dynamodb.chunks or, for jobs that watchbot-progress has started, by
-- progress.dynamodb.set. `total`, `error`, `metadata` and `reduceSent` have the names of
-- watchbot-progress.

local chunks = require "watchbot.progress.dynamodb.chunks"
local layout = require "watchbot.progress.layout"
local set = require "watchbot.progress.dynamodb.set"
local tables = require "watchbot.progress.dynamodb.table"
local values = require "watchbot.progress.dynamodb.values"

---@class watchbot.progress.DynamoDb
local DynamoDb = {}
DynamoDb.__index = DynamoDb

local dynamodb = {}

---@param arn string
---@param options watchbot.ProgressOptions
---@return watchbot.progress.DynamoDb?
---@return string? err
---@return string? code
function dynamodb.open(arn, options)
  local items, err, code = tables.open(arn, options.client)
  if not items then return nil, err, code end
  return setmetatable({ items = items }, DynamoDb)
end

local function form_of(job)
  return job.parts and job.parts.chunk and chunks or set
end

---@return true? ok
---@return string? err
---@return string? code
function DynamoDb:set_total(id, total)
  local changed, err, code = self.items:update(id, {
    update = "SET #total = :total, #parts = :parts", condition = "attribute_not_exists(#total)",
    names = { ["#total"] = "total", ["#parts"] = "parts" },
    values = {
      [":total"] = values.encode(total), [":parts"] = values.encode { chunk = chunks.size(total) },
    },
  })
  if changed then return true end
  if changed == nil then return nil, err, code end
  local job
  job, err, code = self.items:get(id)
  if job == nil then return nil, err, code end
  if not job then return layout.no_job(id) end
  if job.total == total then return true end
  return layout.other_total(id, job.total, total)
end

---@return boolean? last
---@return string? err
---@return string? code
function DynamoDb:complete(id, part)
  local job, err, code = self.items:get(id)
  if job == nil then return nil, err, code end
  if not job or not job.total then return layout.no_total(id) end
  return form_of(job).complete(self.items, job, part)
end

local function count(items, job, found, part, brief)
  local form = form_of(job)
  local err, code
  if not brief then
    found.remaining, err, code = form.remaining(items, job)
    if not found.remaining then return nil, err, code end
  end
  if part then
    found.part_complete, err, code = form.is_done(items, job, part)
    if found.part_complete == nil then return nil, err, code end
  end
  return found
end

---@return watchbot.ProgressStatus?
---@return string? err
---@return string? code
function DynamoDb:status(id, part, brief)
  local job, err, code = self.items:get(id)
  if job == nil then return nil, err, code end
  if not job then return {} end
  local found = {
    total = job.total, failed = job.error, metadata = job.metadata, reduce_sent = job.reduceSent,
  }
  if not job.total then return found end
  return count(self.items, job, found, part, brief)
end

function DynamoDb:keep(id, name, value, condition)
  local changed, err, code = self.items:update(id, {
    update = "SET #name = :value", condition = condition, names = { ["#name"] = name },
    values = { [":value"] = values.encode(value) },
  })
  if changed == nil then return nil, err, code end
  return changed and true or false
end

---@return true? ok
---@return string? err
---@return string? code
function DynamoDb:fail(id, reason)
  return self:keep(id, "error", reason)
end

---@return true? ok
---@return string? err
---@return string? code
function DynamoDb:set_metadata(id, metadata)
  return self:keep(id, "metadata", metadata)
end

---@return true? ok
---@return string? err
---@return string? code
function DynamoDb:reduce_sent(id)
  local kept, err, code = self:keep(id, "reduceSent", true, "attribute_exists(id)")
  if kept == nil then return nil, err, code end
  local job = false
  if kept then job, err, code = self.items:get(id) end
  if job == nil then return nil, err, code end
  if not job then return layout.no_job(id) end
  if not job.total then return true end
  return form_of(job).delete(self.items, job)
end

function DynamoDb:close() -- luacheck: ignore 212
end

return dynamodb
