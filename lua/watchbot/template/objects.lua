--- template.objects: the permissions of watchers and tasks for the bucket of messages that are too
-- big for their way, which may be one of the template (template.messages) or another.
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html

local cf = require "watchbot.template.cf"
local pieces = require "watchbot.template.pieces"

local objects = {}

-- The folder without its scheme: "bucket/folder".
local function path_of(folder)
  if not cf.is(folder) then return (folder:gsub("^s3://", "")) end
  return cf.select(1, cf.split("s3://", folder))
end

local function bucket_of(folder)
  local path = path_of(folder)
  if not cf.is(path) then return (path:gsub("/.*$", "")) end
  return cf.select(0, cf.split("/", path))
end

local function arn(...)
  return pieces.concat(cf.sub "arn:${AWS::Partition}:s3:::", ...)
end

-- Of a bucket in the template, the short forms.
local function arns(refs)
  local folder = refs.messageFolder
  local bucket = type(folder) == "table" and tostring(folder["Fn::Sub"]):match "^s3://%${(%w+)}$"
  if bucket then
    return cf.getatt(bucket, "Arn"), pieces.concat(cf.getatt(bucket, "Arn"), "/*")
  end
  return arn(bucket_of(folder)), arn(path_of(folder), "/*")
end

--- The statements of watchers. S3 only says that an object does not exist if the bucket may be
--- listed.
---@param refs watchbot.template.Refs
---@return table[] two statements
function objects.of_watchers(refs)
  local whole, each = arns(refs)
  return {
    { Effect = "Allow", Action = { "s3:GetObject", "s3:PutObject", "s3:DeleteObject" },
      Resource = each },
    { Effect = "Allow", Action = { "s3:ListBucket" }, Resource = whole },
  }
end

--- The statement of tasks, which read their message, and may send others.
---@param refs watchbot.template.Refs
---@return table
function objects.of_tasks(refs)
  local _, each = arns(refs)
  return { Effect = "Allow", Action = { "s3:GetObject", "s3:PutObject" }, Resource = each }
end

return objects
