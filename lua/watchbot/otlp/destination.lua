--- otlp.destination: what a queue or topic is called in spans.
-- https://opentelemetry.io/docs/specs/semconv/messaging/

---@class watchbot.SpanDestination
---@field name string
---@field system "aws_sqs"|"aws.sns"|"watchbot"
---@field url string?
---@field host string?
---@field port integer?

--- Reads its name.
---@param name string a queue's URL, or the ARN of a topic
---@return watchbot.SpanDestination
return function(name)
  local host, port = name:match "^https?://([^/:]+):?(%d*)"
  if host then
    return {
      name = name:match "([^/]+)/*$", system = "aws_sqs", url = name, host = host,
      port = math.tointeger(tonumber(port)) or name:find "^https" and 443 or 80,
    }
  end
  local topic = name:match "^arn:[^:]*:sns:[^:]*:[^:]*:(.+)$"
  if topic then return { name = topic, system = "aws.sns" } end
  return { name = name:match "([^/:]+)$" or name, system = "watchbot" }
end
