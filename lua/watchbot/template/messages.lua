--- template.messages: the bucket of messages that are too big for their way (doc/big-messages.md).
-- It keeps an object as long as a message can exist: in the queue, then in the dead-letter queue,
-- and a day. It stays when the stack is deleted, as a bucket that is not empty cannot be deleted.
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local limits = require "watchbot.lib.limits"
local pieces = require "watchbot.template.pieces"

local DAY = 86400

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
return function(options, refs)
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
