--- template.service_events: sends ECS's events about tasks that do not start and failed deployments
-- to the notification topic: without a container there is no log line for an alarm to count.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html

local cf = require "watchbot.template.cf"

---@type watchbot.template.Part
return function(options, refs)
  return {
    Resources = {
      [refs.id "ServiceEventRule"] = {
        Type = "AWS::Events::Rule",
        Properties = {
          Description = cf.sub "Tasks of ${AWS::StackName} that do not start",
          EventPattern = {
            source = { "aws.ecs" },
            ["detail-type"] = { "ECS Service Action", "ECS Deployment State Change" },
            resources = { cf.ref(refs.id "Service") },
            detail = {
              eventName = {
                "SERVICE_TASK_START_IMPAIRED", "SERVICE_TASK_PLACEMENT_FAILURE",
                "SERVICE_DEPLOYMENT_FAILED",
              },
            },
          },
          Targets = {
            { Id = "notification", Arn = options.alarms.action or refs.notificationTopic },
          },
        },
      },
    },
  }
end
