local cf = require "watchbot.template.cf"
local templates = require "support.templates"

describe("the bucket of big messages", function()
  it("is private, encrypted, and keeps an object as long as a message can exist", function()
    local made = templates.make("task", { overflow = true, messageRetention = 86400 })
    local bucket = made.Resources.WatchbotMessageBucket
    assert.are.same({ "Retain", "Retain" }, { bucket.DeletionPolicy, bucket.UpdateReplacePolicy })
    for _, blocked in pairs(bucket.Properties.PublicAccessBlockConfiguration) do
      assert.is_true(blocked)
    end
    assert.are.equal(16, bucket.Properties.LifecycleConfiguration.Rules[1].ExpirationInDays)
    assert.are.equal("AES256", bucket.Properties.BucketEncryption
      .ServerSideEncryptionConfiguration[1].ServerSideEncryptionByDefault.SSEAlgorithm)
    local statement = made.Resources.WatchbotMessageBucketPolicy.Properties.PolicyDocument
      .Statement[1]
    assert.are.same({ "Deny", "s3:*" }, { statement.Effect, statement.Action })
    made = templates.make("task", { overflow = true, kmsKey = "create" })
    assert.are.equal("aws:kms", made.Resources.WatchbotMessageBucket.Properties.BucketEncryption
      .ServerSideEncryptionConfiguration[1].ServerSideEncryptionByDefault.SSEAlgorithm)
    assert.are.equal(29, made.Resources.WatchbotMessageBucket.Properties.LifecycleConfiguration
      .Rules[1].ExpirationInDays)
  end)

  local function statements(role)
    local found = {}
    for _, policy in ipairs(role.Properties.Policies) do
      for _, statement in ipairs(policy.PolicyDocument.Statement) do
        for _, action in ipairs(statement.Action) do
          if action:find "^s3:" then found[action] = statement.Resource end
        end
      end
    end
    return found
  end

  it("may be read by tasks, and cleared by watchers", function()
    local made = templates.make("task", { overflow = true })
    local objects = { ["Fn::Sub"] = "${WatchbotMessageBucket.Arn}/*" }
    assert.are.same({ ["s3:GetObject"] = objects, ["s3:PutObject"] = objects },
      statements(made.Resources.WatchbotWorkerRole))
    assert.are.same({
      ["s3:GetObject"] = objects, ["s3:PutObject"] = objects, ["s3:DeleteObject"] = objects,
      ["s3:ListBucket"] = cf.getatt("WatchbotMessageBucket", "Arn"),
    }, statements(made.Resources.WatchbotWatcherRole))
    assert.are.same({}, statements(templates.make("task").Resources.WatchbotWatcherRole))
  end)

  it("is known to watchers and tasks", function()
    local made = templates.make("task", { overflow = true })
    local folder = { ["Fn::Sub"] = "s3://${WatchbotMessageBucket}" }
    for _, id in ipairs { "WatchbotWorker", "WatchbotWatcher" } do
      assert.are.same(folder,
        templates.environment(made.Resources[id].Properties).MessageOverflow)
    end
    assert.are.same(folder, made.ref.messageFolder)
  end)

  it("may be a folder of an existing bucket, also by an intrinsic", function()
    local made = templates.make("process", { overflow = "s3://big-messages/tiles" })
    assert.is_nil(made.Resources.WatchbotMessageBucket)
    assert.are.same({ ["Fn::Sub"] = "arn:${AWS::Partition}:s3:::big-messages/tiles/*" },
      statements(made.Resources.WatchbotRole)["s3:GetObject"])
    assert.are.same({ ["Fn::Sub"] = "arn:${AWS::Partition}:s3:::big-messages" },
      statements(made.Resources.WatchbotRole)["s3:ListBucket"])
    made = templates.make("process", { overflow = cf.sub "s3://${Bucket}/tiles" })
    assert.is_table(statements(made.Resources.WatchbotRole)["s3:GetObject"]["Fn::Join"])
    assert.matches("expected true, or text like",
      (templates.refused("process", { overflow = "x" })))
  end)
end)
