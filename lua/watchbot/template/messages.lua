--- template.messages: the bucket of messages that are too big for their way (doc/big-messages.md),
-- and the permissions for it. It keeps an object as long as a message can exist: in the queue, then
-- in the dead-letter queue, and a day. It stays when the stack is deleted, as a bucket that is not
-- empty cannot be deleted.
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local limits = require "watchbot.lib.limits"
local pieces = require "watchbot.template.pieces"

local DAY = 86400

local messages = {}

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
function messages.of_watchers(refs)
  local bucket, objects = arns(refs)
  return {
    { Effect = "Allow", Action = { "s3:GetObject", "s3:PutObject", "s3:DeleteObject" },
      Resource = objects },
    { Effect = "Allow", Action = { "s3:ListBucket" }, Resource = bucket },
  }
end

--- The statement of tasks, which read their message, and may send others.
---@param refs watchbot.template.Refs
---@return table
function messages.of_tasks(refs)
  local _, objects = arns(refs)
  return { Effect = "Allow", Action = { "s3:GetObject", "s3:PutObject" }, Resource = objects }
end

-- An existing queue's retention is not known here.
local function days(options)
  local retention = options.messageRetention
  if options.queue or type(retention) ~= "number" then retention = limits.sqs.retention end
  return math.ceil((retention + limits.sqs.retention) / DAY) + 1
end

local function encryption(options)
  local rule = { SSEAlgorithm = "AES256" }
  if options.kmsKey then
    rule = { SSEAlgorithm = "aws:kms", KMSMasterKeyID = options.kmsKey }
  end
  return { ServerSideEncryptionConfiguration = { {
    ServerSideEncryptionByDefault = rule, BucketKeyEnabled = options.kmsKey and true or nil,
  } } }
end

local function bucket(options)
  return {
    Type = "AWS::S3::Bucket", DeletionPolicy = "Retain", UpdateReplacePolicy = "Retain",
    Properties = {
      BucketEncryption = encryption(options),
      LifecycleConfiguration = { Rules = { {
        Id = "retention", Status = "Enabled", ExpirationInDays = days(options),
        AbortIncompleteMultipartUpload = { DaysAfterInitiation = 1 },
      } } },
      OwnershipControls = { Rules = { { ObjectOwnership = "BucketOwnerEnforced" } } },
      PublicAccessBlockConfiguration = {
        BlockPublicAcls = true, BlockPublicPolicy = true, IgnorePublicAcls = true,
        RestrictPublicBuckets = true,
      },
    },
  }
end

local function policy(refs)
  local id = refs.id "MessageBucket"
  local whole = cf.getatt(id, "Arn")
  return {
    Type = "AWS::S3::BucketPolicy",
    Properties = {
      Bucket = cf.ref(id),
      PolicyDocument = { Version = "2012-10-17", Statement = {
        access.tls_only("s3:*", { whole, pieces.concat(whole, "/*") }),
      } },
    },
  }
end

---@type watchbot.template.Part
local function part(options, refs)
  if not options.overflow then return {} end
  local made = options.overflow == true
  return {
    Resources = made and {
      [refs.id "MessageBucket"] = bucket(options), [refs.id "MessageBucketPolicy"] = policy(refs),
    } or nil,
    Outputs = {
      [refs.id "MessageOverflow"] = {
        Description = "folder of messages that are too big for their way",
        Value = refs.messageFolder,
      },
    },
  }
end

return setmetatable(messages, { __call = function(_, ...) return part(...) end })
