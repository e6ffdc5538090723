"""What an audit leaves for people: its page, its pictures and the frames that it keeps."""
