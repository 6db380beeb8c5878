"""What is in a capture: tshark's word, as values that a page can show.

    records        the file itself: whole packets, and how many
    tshark         asks tshark in the dissector's pod, within limits, and says what went wrong
    rows           the list of packets
    trees          one packet: its layers, and which bytes each field stands for
    conversations  what two ends said to each other
    ladders        one TCP connection as arrows between two ends

A capture is anybody's bytes, and so is all that tshark says of it: text here is made harmless to read
(`plain`), not to show; pages escape it.
"""
