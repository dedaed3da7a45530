local redrive = require "watchbot.queue.sqs.redrive"

describe("a redrive policy", function()
  it("names the dead-letter queue and how often a message is received", function()
    local arn = "arn:aws:sqs:eu-west-1:123456789012:jobs-dead"
    for _, count in ipairs { "3", '"3"', ' "3" ' } do
      local policy = ('{ "deadLetterTargetArn" : "%s", "maxReceiveCount":%s}'):format(arn, count)
      assert.are.same({ arn, 3 }, { redrive.read { RedrivePolicy = policy } })
    end
    for _, policy in ipairs { "", "{}", "null" } do
      assert.is_nil((redrive.read { RedrivePolicy = policy }))
    end
    assert.is_nil((redrive.read {}))
  end)

  it("leads to a URL at the same endpoint, whatever form that has", function()
    local arn = "arn:aws-cn:sqs:cn-north-1:123456789012:jobs-dead.fifo"
    for _, start in ipairs {
      "https://sqs.cn-north-1.amazonaws.com.cn/", "https://cn-north-1.queue.amazonaws.com.cn/",
      "http://127.0.0.1:9324/", "https://vpce-1.sqs.cn-north-1.vpce.amazonaws.com.cn/path/",
    } do
      for _, slash in ipairs { "", "/" } do
        assert.are.equal(start .. "123456789012/jobs-dead.fifo",
          redrive.url(arn, start .. "123456789012/jobs.fifo" .. slash))
      end
    end
    for _, wrong in ipairs { "", "jobs-dead", "arn:aws:sns:eu-west-1:123456789012:topic" } do
      assert.is_nil(redrive.url(wrong, "https://sqs.eu-west-1.amazonaws.com/1/jobs"))
    end
  end)
end)
