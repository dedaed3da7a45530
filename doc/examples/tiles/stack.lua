-- Map tiles: an ECS task for each message that comes to the stack's topic.
--
--     watchbot template doc/examples/tiles/stack.lua > tiles.json

local watchbot = require "watchbot"
local ref, getatt = watchbot.cf.ref, watchbot.cf.getatt

local mine = {
  Parameters = {
    GitSha = { Type = "String", Description = "Version of the service: the tag of its image" },
    Cluster = { Type = "String", Description = "ARN or name of the ECS cluster" },
    AlarmEmail = { Type = "String", Description = "Who is told when tiles fail" },
  },
  Resources = {
    Bucket = {
      Type = "AWS::S3::Bucket", DeletionPolicy = "Retain", UpdateReplacePolicy = "Retain",
    },
  },
}

local watcher = watchbot.template {
  mode = "task", cluster = ref "Cluster", service = "tiles", serviceVersion = ref "GitSha",
  env = { BucketName = ref "Bucket" }, workers = 5, reservation = { memory = 512 },
    notificationEmail = ref "AlarmEmail",
  permissions = {
    {
      Effect = "Allow", Action = { "s3:PutObject" },
      Resource = watchbot.cf.join("/", { getatt("Bucket", "Arn"), "*" }),
    },
  },
}

return watchbot.merge(mine, watcher, {
  Outputs = {
    Topic = { Description = "Where to send what needs tiles", Value = watcher.ref.topic },
  },
})
