-- Work on each object that is put into an S3 bucket. The bucket sends its events to the queue,
-- straight or through SNS:
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
local cjson = require "cjson.safe"
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:events.db",
  command = "./worker.sh",
  workers = 4,
}

-- Keys are URL-encoded, with a plus for a blank.
local function decoded(key)
  return (key:gsub("+", " "):gsub("%%(%x%x)",
    function(hex) return string.char(tonumber(hex, 16)) end))
end

-- The one object that a message is about: S3 sends one record a message.
local function object_of(job)
  local event = cjson.decode(job.message)
  local record = type(event) == "table" and type(event.Records) == "table" and event.Records[1]
  local s3 = type(record) == "table" and record.s3
  if type(s3) ~= "table" then return nil, event end
  return {
    event = record.eventName, bucket = s3.bucket.name, key = decoded(s3.object.key),
      size = s3.object.size,
    version = s3.object.versionId,
  }
end

-- S3 sends a test event when notifications are set up. What is no event at all is kept for a person
-- to look at.
function policy:admit(job)
  local object, event = object_of(job)
  if object then return watchbot.policy.admit(self, job) end
  if type(event) == "table" and event.Event == "s3:TestEvent" then return "complete" end
  return "bury"
end

function policy:environment(job)
  local variables, object = watchbot.policy.environment(self, job), object_of(job)
  variables.Event, variables.Bucket, variables.Key = object.event, object.bucket, object.key
  variables.Size, variables.VersionId = object.size and ("%d"):format(object.size), object.version
  return variables
end

return policy
