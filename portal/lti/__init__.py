"""The portal as an LTI 1.3 tool: people come from a learning platform and grades go back.

messages   a launch, checked        keys       the tool's own key, platforms' public keys
people     accounts and roles       calls      HTTP to a platform: tokens, roster, line items, scores
scores     the outbox of grades     linking    what an instructor places in the platform
views      the doors of platforms   class_page the door of a class's instructors
"""
