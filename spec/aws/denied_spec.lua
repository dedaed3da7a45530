local denied = require "watchbot.aws.denied"

describe("a call that is not allowed", function()
  it("is known by the codes of all protocols", function()
    assert.is_true(denied.is "AccessDenied" and denied.is "AccessDeniedException" and denied.is "AuthorizationError")
    assert.is_false(denied.is "Throttling")
    assert.is_false(denied.is(nil))
  end)

  it("is told with the action that is missing", function()
    assert.are.same({ "the credentials do not allow 'sqs:ReceiveMessage' on the queue: add the action to the role's policy",
      "NotAllowed" }, { denied.message("sqs:ReceiveMessage", "the queue") })
    assert.are.equal("the credentials do not allow 'ecs:ListTasks': add the action to the role's policy",
      (denied.message "ecs:ListTasks"))
  end)
end)
